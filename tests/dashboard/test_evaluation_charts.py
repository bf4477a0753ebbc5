import numpy as np
import pytest

from dashboard.charts.calibration import reliability_diagram
from dashboard.charts.cost import AXES, PricedModel, accuracy_by_cost
from dashboard.charts.difference import accuracy_differences, confusion_difference
from dashboard.charts.pairs import confused_pairs, confused_pairs_chart
from dashboard.charts.roc import precision_recall_by_emotion, roc_by_emotion
from dashboard.charts.slices import accuracy_by_slice
from pipeline.evaluation.calibration import at_temperature, reliability
from pipeline.evaluation.comparison import paired_differences
from pipeline.evaluation.cost import Cost
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.roc import precision_recall_curves, roc_curves
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.thresholds import operating_point
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import random_predictions


def titles(figure) -> tuple[str, str]:
    return figure.layout.xaxis.title.text, figure.layout.yaxis.title.text


def numbers(figure) -> list[str]:
    return [text.replace("</span>", "").rpartition(">")[2] for text in figure.data[1].text]


def test_points_of_curves_carry_the_emotion_and_threshold_that_give_them():
    predictions = random_predictions(400, skill=1.5)
    roc = roc_by_emotion(roc_curves(predictions))
    precision_recall = precision_recall_by_emotion(precision_recall_curves(predictions))
    for line in roc.data[:7]:
        for i in (3, len(line.x) // 2):
            point = operating_point(predictions, *line.customdata[i])
            assert (line.x[i], line.y[i]) == pytest.approx((point.fpr, point.recall))
    for line in precision_recall.data[:7]:
        for i in (3, len(line.x) // 2):
            point = operating_point(predictions, *line.customdata[i])
            assert (line.x[i], line.y[i]) == pytest.approx((point.recall, point.precision))
    assert titles(roc) == ("false positive rate", "true positive rate")
    assert titles(precision_recall) == ("recall", "precision")


def test_the_operating_point_is_marked_and_its_curve_stands_out():
    predictions = random_predictions(400, skill=1.5)
    point = operating_point(predictions, "sad", 0.3)
    roc = roc_by_emotion(roc_curves(predictions), point)
    assert [line.name.split()[0] for line in roc.data if line.opacity == 1.0] == ["sad"]
    assert (roc.data[-1].x[0], roc.data[-1].y[0]) == (point.fpr, point.recall)
    figure = precision_recall_by_emotion(precision_recall_curves(predictions), point)
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (point.recall, point.precision)


def test_precision_recall_legend_gives_the_average_precision():
    curves = precision_recall_curves(random_predictions(400))
    for line, curve in zip(precision_recall_by_emotion(curves).data, curves, strict=True):
        assert line.name == f"{curve.name} {curve.average_precision:.3f}"


def test_reliability_shows_filled_bins_before_and_after_with_what_a_click_selects():
    predictions = random_predictions(500, skill=2.0)
    measured = {
        "before": reliability(predictions),
        "after": reliability(at_temperature(predictions, 2.0)),
    }
    figure = reliability_diagram(measured)
    for line, (name, each) in zip(figure.data[::2], measured.items(), strict=True):
        filled = np.flatnonzero(each.faces)
        assert line.name == f"{name}, ECE {100 * each.ece:.1f} %"
        if name == "before":
            assert [bin for (bin,) in line.customdata] == filled.tolist()
        assert list(line.y) == each.accuracy[filled].tolist()
    for bars, each in zip(figure.data[1::2], measured.values(), strict=True):
        assert sum(bars.y) == pytest.approx(100)
        assert list(bars.y) == pytest.approx((100 * each.faces / each.faces.sum()).tolist())
    assert figure.layout.xaxis2.title.text == "confidence"
    assert figure.layout.yaxis.title.text == "accuracy"


def test_slices_are_drawn_with_their_intervals_and_carry_what_a_click_selects():
    slices = [
        Slice("twins", "no twin", np.arange(3), 0.5, (0.4, 0.7)),
        Slice("contrast", "0 – 9", np.arange(2), 0.25, (0.2, 0.3)),
    ]
    figure = accuracy_by_slice(slices, 0.4, ("contrast", "0 – 9"))
    twins, contrast = figure.data
    assert twins.customdata[0] == ["twins", "no twin"]
    assert (twins.x[0], twins.error_x.array[0], twins.error_x.arrayminus[0]) == pytest.approx(
        (50, 20, 10)
    )
    assert contrast.marker.opacity[0] > twins.marker.opacity[0]
    assert figure.layout.shapes[0].x0 == pytest.approx(40)
    assert titles(figure)[0] == "accuracy, %"


def test_confused_pairs_are_the_largest_cells_off_the_diagonal():
    counts = compute_metrics(random_predictions(900)).confusion
    pairs = confused_pairs(counts)
    wrong = sorted((counts[i, j] for i in range(7) for j in range(7) if i != j), reverse=True)
    assert [counts[pair] for pair in pairs] == wrong[:10]
    bars = confused_pairs_chart(counts, pairs[2]).data[0]
    label, predicted = pairs[0]
    assert bars.y[0] == f"{EMOTIONS[label]} → {EMOTIONS[predicted]}"
    assert bars.x[0] == counts[label, predicted]
    assert [tuple(pair) for pair in bars.customdata] == pairs
    assert [i for i, opacity in enumerate(bars.marker.opacity) if opacity == 1] == [2]
    assert confused_pairs(np.diag([3] * 7)) == []


def test_confusion_difference_shows_signed_numbers():
    first, second = np.diag([5] * 7), np.diag([3] * 7)
    first[0, 1], second[0, 1] = 1, 4
    figure = confusion_difference(first, second, ("a", "b"), (0, 1))
    shown = np.array(numbers(figure)).reshape(7, 7)
    assert (shown[0, 0], shown[0, 1], shown[0, 2]) == ("+2", "-3", "0")
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-3, 3)
    assert [tuple(cell) for cell in figure.data[1].customdata] == list(np.ndindex(7, 7))
    assert "<b>angry</b> taken for <b>disgust</b>: -3" in figure.data[1].hovertext[1]
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].y0) == (0.5, -0.5)


def test_accuracy_differences_are_antisymmetric_and_starred_where_hardly_chance():
    strong = random_predictions(500, seed=1, skill=4.0, model="strong")
    weak = random_predictions(500, seed=1, skill=0.5, model="weak")
    like = random_predictions(500, seed=1, skill=0.51, model="like")
    pairs = paired_differences([strong, weak, like])
    figure = accuracy_differences(pairs, {"strong": "s", "weak": "w", "like": "l"})
    z = np.array(figure.data[0].z, float)
    shown = np.array(numbers(figure)).reshape(3, 3)
    assert np.allclose(z, -z.T, equal_nan=True)
    assert z[0, 1] == pytest.approx(100 * (strong.right.mean() - weak.right.mean()))
    assert shown[0, 1].endswith("*") and not shown[1, 2].endswith("*")
    assert shown[0, 0] == ""
    assert figure.data[0].y == ("s", "w", "l")


def priced(name, accuracy, ms, size, together=False):
    return PricedModel(
        name, accuracy, (accuracy - 0.1, accuracy + 0.1), Cost(10, size, ms), together
    )


@pytest.mark.parametrize("axis", AXES)
def test_accuracy_by_cost_draws_marks_and_the_frontier(axis):
    models = [
        priced("cheap", 0.5, 1.0, 5.0),
        priced("dear", 0.7, 4.0, 50.0),
        priced("beaten", 0.4, 2.0, 20.0),
        priced("all", 0.8, 7.0, 75.0, together=True),
    ]
    figure = accuracy_by_cost(models, axis)
    line, alone, together = figure.data
    assert list(line.y) == pytest.approx([50, 70, 80])
    assert list(alone.text) == ["cheap", "dear", "beaten"]
    assert alone.marker.symbol == "circle" and together.marker.symbol == "diamond"
    assert list(alone.x) == [1.0, 4.0, 2.0] if axis == "time" else [5.0, 50.0, 20.0]
    assert titles(figure) == (AXES[axis][0], "accuracy, %")


def test_models_of_unknown_time_are_left_out_of_it_only():
    models = [priced("known", 0.5, 1.0, 5.0), priced("unknown", 0.6, None, 6.0)]
    assert list(accuracy_by_cost(models, "time").data[1].text) == ["known"]
    assert list(accuracy_by_cost(models, "size").data[1].text) == ["known", "unknown"]
