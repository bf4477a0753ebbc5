"""The charts of an evaluation; what is drawn from a data set or a training is tested elsewhere."""

import numpy as np
import plotly.graph_objects as go
import pytest

from pipeline.evaluation.calibration import apply_temperature, reliability
from pipeline.evaluation.comparison import paired_differences
from pipeline.evaluation.curves import operating_point, precision_recall_curves, roc_curves
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.model_cost import ModelCost
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.accuracy_by_cost import AXES, ModelPoint, accuracy_by_cost
from pipeline.report.charts.calibration import reliability_diagram
from pipeline.report.charts.comparison import (
    accuracy_differences,
    confusion_difference,
    f1_by_emotion,
)
from pipeline.report.charts.confusion import (
    SHARES,
    cell_values,
    confused_pairs,
    confusion_matrix,
    most_confused_pairs,
)
from pipeline.report.charts.curves import (
    precision_recall_by_emotion,
    roc_by_emotion,
    roc_by_model,
)
from pipeline.report.charts.slices import accuracy_by_slice
from pipeline.report.charts.style import DASHES, SERIES, series_style
from pipeline.report.evaluation import Evaluation
from pipeline.report.evaluation_charts import EVALUATION_CHARTS
from tests.evaluation.makers import make_dataset, make_run, random_predictions

COUNTS = np.arange(49).reshape(7, 7)
WIDE = random_predictions(400, skill=1.5)


def titles(figure: go.Figure) -> tuple[str, str]:
    return figure.layout.xaxis.title.text, figure.layout.yaxis.title.text


def cell_texts(figure: go.Figure) -> list[str]:
    return [text.replace("</span>", "").rpartition(">")[2] for text in figure.data[1].text]


def frame(figure: go.Figure) -> tuple[float, float, float, float] | None:
    shapes = figure.layout.shapes
    return (shapes[0].x0, shapes[0].x1, shapes[0].y0, shapes[0].y1) if shapes else None


def test_every_listed_chart_draws_an_evaluation_with_and_without_its_data_set():
    dataset = make_dataset()
    run = make_run(dataset)
    subset = EvaluationSubset("faces", dataset.fingerprint, "test")
    names = {"model": run.name, "fingerprint": dataset.fingerprint}
    predictions = random_predictions(70, ids=dataset.ids[dataset.splits == "test"], **names)
    for title, chart in EVALUATION_CHARTS.items():
        with_data, without = (
            chart.draw(Evaluation(run, subset, predictions, faces)) for faces in (dataset, None)
        )
        assert with_data is not None and len(with_data.data), title
        assert (without is None) == (title == "Accuracy by slice")
        assert with_data.layout.paper_bgcolor == "rgba(0, 0, 0, 0)", "readable on light and dark"
        assert with_data.layout.height, title
    run.history_path.unlink()
    evaluation = Evaluation(run, subset, predictions, dataset)
    assert EVALUATION_CHARTS["Learning curves"].draw(evaluation) is None


def test_confusion_cells_show_counts_or_percentages_and_carry_their_cell():
    for shares in SHARES:
        figure = confusion_matrix(COUNTS, shares)
        heat, cells = figure.data
        numbers = [float(text.replace(",", "").replace("–", "nan")) for text in cell_texts(figure)]
        expected = cell_values(COUNTS, shares)
        assert titles(figure) == ("predicted", "label")
        assert numbers == pytest.approx(expected.ravel().tolist(), abs=0.051, nan_ok=True)
        assert [tuple(pair) for pair in cells.customdata] == list(np.ndindex(7, 7))
        assert cells.x[:7] == EMOTIONS
        assert (np.nanmax(heat.z), heat.hoverinfo) == (pytest.approx(1.0), "skip")
    assert cell_values(COUNTS, "row % (recall)").sum(axis=1) == pytest.approx(np.full(7, 100))
    assert cell_values(COUNTS, "column % (precision)").sum(axis=0) == pytest.approx(np.full(7, 100))


def test_the_row_of_an_absent_emotion_shows_dashes():
    figure = confusion_matrix(np.diag([3, 0, 1, 1, 1, 1, 1]), "row % (recall)")
    assert cell_texts(figure)[7:14] == ["–"] * 7
    assert not np.isnan(np.asarray(figure.data[0].z, float)).any()


def test_the_marked_cell_row_or_column_is_framed():
    for marked, expected in (
        ((2, 5), (4.5, 5.5, 1.5, 2.5)),
        ((2, None), (-0.5, 6.5, 1.5, 2.5)),
        ((None, 5), (4.5, 5.5, -0.5, 6.5)),
        (None, None),
    ):
        assert frame(confusion_matrix(COUNTS, marked=marked)) == expected


def test_confused_pairs_are_the_largest_cells_off_the_diagonal():
    counts = compute_metrics(random_predictions(900)).confusion
    pairs = confused_pairs(counts)
    wrong = sorted((counts[i, j] for i in range(7) for j in range(7) if i != j), reverse=True)
    assert [counts[pair] for pair in pairs] == wrong[:10]
    bars = most_confused_pairs(counts, pairs[2]).data[0]
    label, predicted = pairs[0]
    assert bars.y[0] == f"{EMOTIONS[label]} → {EMOTIONS[predicted]}"
    assert bars.x[0] == counts[label, predicted]
    assert [tuple(pair) for pair in bars.customdata] == pairs
    assert [i for i, opacity in enumerate(bars.marker.opacity) if opacity == 1] == [2]
    assert confused_pairs(np.diag([3] * 7)) == []


def test_curves_have_the_emotions_colors_dashed_averages_and_points_that_carry_a_threshold():
    roc, precision_recall = roc_curves(WIDE), precision_recall_curves(WIDE)
    for figure, curves, axes, value in (
        (roc_by_emotion(roc), roc, ("false positive rate", "true positive rate"), "auc"),
        (
            precision_recall_by_emotion(precision_recall),
            precision_recall,
            ("recall", "precision"),
            "average_precision",
        ),
    ):
        assert titles(figure) == axes
        for line, curve in zip(figure.data, curves, strict=True):
            assert line.name == f"{curve.name} {getattr(curve, value):.3f}"
            assert line.line.color == COLORS.get(curve.name, line.line.color)
            assert (line.line.dash == "solid") == (curve.name in EMOTIONS)
        for line in figure.data[:7]:
            for i in (3, len(line.x) // 2):
                point = operating_point(WIDE, *line.customdata[i])
                expected = (point.fpr, point.recall)
                if axes[0] == "recall":
                    expected = (point.recall, point.precision)
                assert (line.x[i], line.y[i]) == pytest.approx(expected)


def test_the_operating_point_is_marked_and_its_curve_highlighted():
    point = operating_point(WIDE, "sad", 0.3)
    roc = roc_by_emotion(roc_curves(WIDE), point)
    assert [line.name.split()[0] for line in roc.data if line.opacity == 1.0] == ["sad"]
    assert (roc.data[-1].x[0], roc.data[-1].y[0]) == (point.fpr, point.recall)
    figure = precision_recall_by_emotion(precision_recall_curves(WIDE), point)
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (point.recall, point.precision)


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    curve = roc_curves(random_predictions(5000))[-1]
    line = roc_by_model({"m": curve}).data[0]
    assert len(line.x) <= 301 < len(curve.fpr)
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(line.y, line.x) == pytest.approx(curve.auc, abs=0.002)


def test_the_reliability_diagram_shows_filled_bins_of_all_and_carries_those_of_the_first():
    predictions = random_predictions(500, skill=2.0)
    diagrams = {
        "before": reliability(predictions),
        "after": reliability(apply_temperature(predictions, 2.0)),
    }
    figure = reliability_diagram(diagrams)
    for line, bars, (name, each) in zip(
        figure.data[::2], figure.data[1::2], diagrams.items(), strict=True
    ):
        filled = np.flatnonzero(each.faces)
        assert line.name == f"{name}, ECE {100 * each.ece:.1f}%"
        assert list(line.y) == each.accuracy[filled].tolist()
        assert list(bars.y) == pytest.approx((100 * each.faces / each.faces.sum()).tolist())
        if name == "before":
            assert [bin for (bin,) in line.customdata] == filled.tolist()
    assert figure.layout.xaxis2.title.text == "confidence"
    assert figure.layout.yaxis.title.text == "accuracy"


def test_slices_are_drawn_with_their_intervals_and_carry_their_name():
    slices = [
        Slice("duplicates", "no duplicate", np.arange(3), 0.5, (0.4, 0.7)),
        Slice("contrast", "0 – 9", np.arange(2), 0.25, (0.2, 0.3)),
    ]
    figure = accuracy_by_slice(slices, 0.4, ("contrast", "0 – 9"))
    duplicates, contrast = figure.data
    interval = duplicates.error_x
    assert duplicates.customdata[0] == ["duplicates", "no duplicate"]
    assert (duplicates.x[0], interval.array[0], interval.arrayminus[0]) == pytest.approx(
        (50, 20, 10)
    )
    assert "accuracy 50.0% (40.0–70.0%)" in duplicates.hovertext[0]
    assert contrast.marker.opacity[0] > duplicates.marker.opacity[0]
    assert figure.layout.shapes[0].x0 == pytest.approx(40)
    assert titles(figure)[0] == "accuracy, %"


def test_the_confusion_difference_shows_signed_numbers():
    first, second = np.diag([5] * 7), np.diag([3] * 7)
    first[0, 1], second[0, 1] = 1, 4
    figure = confusion_difference(first, second, ("a", "b"), (0, 1))
    texts = np.array(cell_texts(figure)).reshape(7, 7)
    assert (texts[0, 0], texts[0, 1], texts[0, 2]) == ("+2", "−3", "0")
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-3, 3)
    assert [tuple(cell) for cell in figure.data[1].customdata] == list(np.ndindex(7, 7))
    assert "<b>angry</b> predicted as <b>disgust</b>: −3" in figure.data[1].hovertext[1]
    assert frame(figure) == (0.5, 1.5, -0.5, 0.5)


def test_accuracy_differences_are_antisymmetric_and_starred_where_significant():
    strong, weak, similar = (
        random_predictions(500, seed=1, skill=skill, model=name)
        for name, skill in (("strong", 4.0), ("weak", 0.5), ("similar", 0.51))
    )
    pairs = paired_differences([strong, weak, similar])
    long = "a rather long name of a <b> that leaves no room for cells"
    figure = accuracy_differences(pairs, {"strong": "s", "weak": "w", "similar": long})
    z = np.array(figure.data[0].z, float)
    texts = np.array(cell_texts(figure)).reshape(3, 3)
    assert np.allclose(z, -z.T, equal_nan=True)
    assert z[0, 1] == pytest.approx(100 * (strong.correct.mean() - weak.correct.mean()))
    assert texts[0, 1].endswith("*") and not texts[1, 2].endswith("*")
    assert texts[0, 0] == ""
    wrapped = "a rather long name of<br>a &lt;b&gt; that leaves no…"
    assert figure.data[0].y == ("s  #1", "w  #2", f"{wrapped}  #3")
    assert figure.data[0].x == ("#1", "#2", "#3"), "no numbers, which would be places on the axis"


def test_f1_bars_of_the_models_stand_side_by_side():
    models = {name: compute_metrics(random_predictions(seed=i)) for i, name in enumerate("ab")}
    figure = f1_by_emotion(models)
    assert titles(figure) == ("emotion", "F1")
    assert figure.layout.barmode == "group"
    for bars, (name, metrics) in zip(figure.data, models.items(), strict=True):
        assert (bars.name, bars.x) == (name, EMOTIONS)
        assert list(bars.y) == [metrics.per_class[emotion].f1 for emotion in EMOTIONS]


def point(name, accuracy, ms, size, is_ensemble=False) -> ModelPoint:
    interval = accuracy - 0.1, accuracy + 0.1
    return ModelPoint(name, accuracy, interval, ModelCost(10, size, ms), is_ensemble)


def test_accuracy_by_cost_draws_models_of_known_cost_and_the_pareto_frontier():
    models = [
        point("cheap", 0.5, 1.0, 5.0),
        point("large", 0.7, 4.0, 50.0),
        point("dominated", 0.4, 2.0, 20.0),
        point("mean", 0.8, 7.0, 75.0, is_ensemble=True),
        point("unmeasured", 0.3, None, 60.0),
    ]
    for axis, costs in (("time", [1.0, 4.0, 2.0]), ("size", [5.0, 50.0, 20.0, 60.0])):
        figure = accuracy_by_cost(models, axis)
        line, single, ensemble = figure.data
        assert list(line.y) == pytest.approx([50, 70, 80])
        assert list(single.x) == costs
        assert list(single.text)[:3] == ["cheap", "large", "dominated"]
        assert (single.marker.symbol, ensemble.marker.symbol) == ("circle", "diamond")
        assert titles(figure) == (AXES[axis][0], "accuracy, %")


def test_names_of_models_that_lie_at_one_place_do_not_cover_each_other():
    models = [point(f"model of a long name {i}", 0.7, 1.0, 5.0) for i in range(6)]
    (_, single) = accuracy_by_cost(models, "time").data
    named = [place for place, text in zip(single.textposition, single.text, strict=True) if text]
    assert len(named) == len(set(named)) == 4, "one on each side; hovering shows the others"
    apart = [point(f"model {i}", 0.5 + i / 20, 10.0**i, 5.0) for i in range(4)]
    assert all(accuracy_by_cost(apart, "time").data[1].text)


def test_more_models_than_colors_stay_distinguishable():
    styles = series_style([str(i) for i in range(len(SERIES) * len(DASHES))])
    assert len({tuple(style.values()) for style in styles.values()}) == len(styles)
