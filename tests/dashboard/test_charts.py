import numpy as np
import pytest

from dashboard.charts.confusion import SHARES, cell_values, confusion_matrix
from dashboard.charts.report import f1_by_emotion
from dashboard.charts.roc import roc_by_emotion, roc_by_model
from dashboard.charts.style import DASHES, SERIES, series_style
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.roc import roc_curves
from pipeline.labels import COLOURS, EMOTIONS
from tests.evaluation.makers import random_predictions

COUNTS = np.arange(49).reshape(7, 7)


def titles(figure) -> tuple[str, str]:
    return figure.layout.xaxis.title.text, figure.layout.yaxis.title.text


def drawn_numbers(figure) -> list[float]:
    plain = [text.replace("</span>", "").rpartition(">")[2] for text in figure.data[1].text]
    return [float("nan") if text == "–" else float(text.replace(",", "")) for text in plain]


@pytest.mark.parametrize("shares", SHARES)
def test_confusion_cells_show_the_numbers_and_carry_what_a_click_selects(shares):
    figure = confusion_matrix(COUNTS, shares)
    heat, cells = figure.data
    assert titles(figure) == ("predicted", "label")
    assert drawn_numbers(figure) == pytest.approx(
        cell_values(COUNTS, shares).ravel().tolist(), abs=0.051
    )
    assert [tuple(pair) for pair in cells.customdata] == list(np.ndindex(7, 7))
    assert cells.x[:7] == EMOTIONS
    assert (np.nanmax(heat.z), heat.hoverinfo) == (pytest.approx(1.0), "skip")


def test_confusion_shares_sum_to_100_along_their_direction():
    assert cell_values(COUNTS, "by row").sum(axis=1) == pytest.approx(np.full(7, 100))
    assert cell_values(COUNTS, "by column").sum(axis=0) == pytest.approx(np.full(7, 100))


def test_confusion_of_an_absent_emotion_shows_dashes():
    counts = np.diag([3, 0, 1, 1, 1, 1, 1])
    figure = confusion_matrix(counts, "by row")
    assert np.isnan(drawn_numbers(figure)[7:14]).all()
    assert not np.isnan(np.asarray(figure.data[0].z, float)).any()


def test_confusion_frames_the_chosen_cell_row_or_column():
    def frame(marked):
        shape = confusion_matrix(COUNTS, marked=marked).layout.shapes[0]
        return shape.x0, shape.x1, shape.y0, shape.y1

    assert frame((2, 5)) == (4.5, 5.5, 1.5, 2.5)
    assert frame((2, None)) == (-0.5, 6.5, 1.5, 2.5)
    assert frame((None, 5)) == (4.5, 5.5, -0.5, 6.5)
    assert not confusion_matrix(COUNTS).layout.shapes


def test_roc_draws_each_emotion_in_its_colour_and_the_averages_broken():
    curves = roc_curves(random_predictions())
    figure = roc_by_emotion(curves)
    assert titles(figure) == ("false positive rate", "true positive rate")
    assert [line.name.split()[0] for line in figure.data] == [*EMOTIONS, "macro", "micro"]
    for line, curve in zip(figure.data, curves, strict=True):
        assert line.name.endswith(f"{curve.auc:.3f}")
        assert line.line.color == COLOURS.get(curve.name, line.line.color)
        assert (line.line.dash == "solid") == (curve.name in EMOTIONS)


def test_thinned_roc_keeps_its_ends_and_its_area():
    curve = roc_curves(random_predictions(5000))[-1]
    line = roc_by_model({"m": curve}).data[0]
    assert len(line.x) <= 301 < len(curve.fpr)
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(line.y, line.x) == pytest.approx(curve.auc, abs=0.002)


def test_f1_bars_of_each_model_stand_side_by_side():
    models = {name: compute_metrics(random_predictions(seed=i)) for i, name in enumerate("ab")}
    figure = f1_by_emotion(models)
    assert titles(figure) == ("emotion", "F1")
    assert figure.layout.barmode == "group"
    for bars, (name, metrics) in zip(figure.data, models.items(), strict=True):
        assert (bars.name, bars.x) == (name, EMOTIONS)
        assert list(bars.y) == [metrics.per_class[emotion].f1 for emotion in EMOTIONS]


def test_more_models_than_colours_stay_apart():
    styles = series_style([str(i) for i in range(len(SERIES) * len(DASHES))])
    assert len({tuple(style.values()) for style in styles.values()}) == len(styles)
