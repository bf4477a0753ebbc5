import pandas as pd
import pytest

from dashboard.charts.distribution import axis_end, class_distribution, imbalance
from dashboard.charts.history import best_epoch, learning_curves
from dashboard.charts.style import FADED
from pipeline.labels import COLOURS, EMOTIONS

COUNTS = dict(zip(EMOTIONS, (40, 4, 41, 72, 48, 32, 50), strict=True))


def test_bars_show_each_emotion_in_order_and_in_its_colour():
    bars = class_distribution(COUNTS, shares=False, largest=72).data[0]
    assert tuple(bars.y) == EMOTIONS
    assert list(bars.x) == list(COUNTS.values())
    assert list(bars.marker.color) == list(COLOURS.values())


def test_each_bar_tells_its_emotion_and_the_chosen_one_stands_out():
    bars = class_distribution(COUNTS, shares=False, largest=72, chosen="sad").data[0]
    assert [mark[0] for mark in bars.customdata] == list(EMOTIONS)
    assert [e for e, o in zip(EMOTIONS, bars.marker.opacity, strict=True) if o != FADED] == ["sad"]
    assert bars.hovertext[3] == "<b>happy</b>: 72 faces, 25.1%"


def test_bars_of_shares_sum_to_a_hundred_percent():
    bars = class_distribution(COUNTS, shares=True, largest=25).data[0]
    assert sum(bars.x) == pytest.approx(100)
    assert bars.text[1] == "1.4 %"


def test_splits_share_an_axis_for_shares_and_have_their_own_for_counts():
    counts = {"train": COUNTS, "test": dict.fromkeys(EMOTIONS, 1)}
    assert axis_end(counts, shares=False) == {"train": 72, "test": 1}
    ends = axis_end(counts, shares=True)
    assert ends["train"] == ends["test"] == pytest.approx(100 * 72 / 287)


def test_imbalance_is_most_frequent_to_rarest_and_unknown_if_one_is_missing():
    assert imbalance(COUNTS) == 18
    assert imbalance({"happy": 3}) is None


HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2, 3],
        "accuracy": [0.2, 0.4, 0.6, 0.7],
        "loss": [1.9, 1.5, 1.1, 0.9],
        "val_accuracy": [0.2, 0.5, 0.5, 0.4],
        "val_loss": [1.8, 1.4, 1.3, 1.6],
    }
)


@pytest.mark.parametrize(
    ("monitor", "epoch"),
    [("val_accuracy", 1), ("val_loss", 2), ("val_macro_f1", None)],
    ids=["first of equal ones", "smallest loss", "not measured"],
)
def test_best_epoch_follows_the_monitor(monitor, epoch):
    assert best_epoch(HISTORY, monitor) == epoch


def test_best_epoch_of_a_run_without_history_is_none():
    assert best_epoch(pd.DataFrame({"epoch": []}), "val_accuracy") is None


def test_learning_curves_show_percent_over_epochs_from_one_and_mark_the_best():
    figure = learning_curves(HISTORY, "val_loss")
    lines = {(line.name, line.yaxis): line for line in figure.data}
    assert list(lines["validation", "y"].x) == [1, 2, 3, 4]
    assert list(lines["validation", "y"].y) == pytest.approx([20, 50, 50, 40])
    assert list(lines["validation", "y2"].y) == pytest.approx([1.8, 1.4, 1.3, 1.6])
    assert {shape.x0 for shape in figure.layout.shapes} == {3}
    assert "best: epoch 3" in figure.layout.annotations[0].text
    assert figure.layout.yaxis.title.text == "accuracy, %"


def test_learning_curves_of_one_epoch_can_be_drawn():
    assert len(learning_curves(HISTORY[:1], "val_accuracy").data) == 4
