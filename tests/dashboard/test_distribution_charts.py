import pytest

from dashboard.charts.distribution import axis_end, class_distribution, imbalance
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
