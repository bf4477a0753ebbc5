"""The charts of a data set: class distribution, brightness and contrast, FER+ votes."""

import itertools

import numpy as np
import pytest

from pipeline.data import votes
from pipeline.data.votes import MAJORITIES
from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.brightness import PERCENTILES, boxes_by_emotion, percentiles_by_emotion
from pipeline.report.charts.confusion import SHARES, cell_values
from pipeline.report.charts.distribution import axis_end, class_distribution, imbalance
from pipeline.report.charts.style import FADED
from pipeline.report.charts.votes import (
    AGREEMENT_EDGES,
    ENTROPY_EDGES,
    bin_counts,
    majority_matrix,
    vote_histogram,
)

FACES = dict(zip(EMOTIONS, (40, 4, 41, 72, 48, 32, 50), strict=True))
RNG = np.random.default_rng(5)
LABELS = RNG.integers(0, 7, 500, dtype=np.uint8)
VALUES = RNG.uniform(0, 255, 500).astype(np.float32)
MAJORITY_COUNTS = np.arange(77).reshape(7, 11)


def test_bars_show_each_emotion_in_its_color_and_the_chosen_one_highlighted():
    bars = class_distribution(FACES, shares=False, largest=72, chosen="sad").data[0]
    assert tuple(bars.y) == EMOTIONS
    assert list(bars.x) == list(FACES.values())
    assert list(bars.marker.color) == list(COLORS.values())
    assert [mark[0] for mark in bars.customdata] == list(EMOTIONS)
    assert [e for e, o in zip(EMOTIONS, bars.marker.opacity, strict=True) if o != FADED] == ["sad"]
    assert bars.hovertext[3] == "<b>happy</b>: 72 faces, 25.1%"


def test_shares_sum_to_100_percent_and_splits_share_their_axis():
    bars = class_distribution(FACES, shares=True, largest=25).data[0]
    assert sum(bars.x) == pytest.approx(100)
    assert bars.text[1] == "1.4%"
    counts = {"train": FACES, "test": dict.fromkeys(EMOTIONS, 1)}
    assert axis_end(counts, shares=False) == {"train": 72, "test": 1}
    ends = axis_end(counts, shares=True)
    assert ends["train"] == ends["test"] == pytest.approx(100 * 72 / 287)


def test_imbalance_is_most_frequent_to_rarest_and_unknown_if_one_is_missing():
    assert imbalance(FACES) == 18
    assert imbalance({"happy": 3}) is None


def test_boxes_show_the_percentiles_of_each_emotion_and_no_face():
    percentiles = percentiles_by_emotion(VALUES, LABELS)
    figure = boxes_by_emotion(percentiles, "brightness, gray levels", chosen="fear")
    boxes = [trace for trace in figure.data if trace.type == "box"]
    marks = [trace for trace in figure.data if trace.type == "scatter"]
    assert figure.layout.xaxis.title.text == "brightness, gray levels"
    assert figure.layout.yaxis.categoryarray == EMOTIONS[::-1]
    for label, (box, mark, emotion) in enumerate(zip(boxes, marks, EMOTIONS, strict=True)):
        expected = np.percentile(VALUES[LABELS == label], PERCENTILES)
        assert (box.y, box.line.color) == ((emotion,), COLORS[emotion])
        shown = [*box.lowerfence, *box.q1, *box.median, *box.q3, *box.upperfence]
        assert shown == pytest.approx(expected) and box.x is None
        assert (mark.customdata[0][0], mark.x[0]) == (emotion, shown[2])
        assert (box.opacity == FADED) == (emotion != "fear")


def test_an_emotion_without_faces_has_no_box():
    percentiles = percentiles_by_emotion(VALUES[LABELS != 1], LABELS[LABELS != 1])
    assert np.isnan(percentiles[1]).all()
    boxes = [t for t in boxes_by_emotion(percentiles, "x").data if t.type == "box"]
    assert [box.y[0] for box in boxes] == [e for e in EMOTIONS if e != "disgust"]


def every_way_to_vote(total: int) -> np.ndarray:
    """Votes uint8 (n, 10) of all the partitions of a total, the largest first."""

    def partitions(left: int, most: int) -> list[tuple[int, ...]]:
        if not left:
            return [()]
        return [
            (k, *rest) for k in range(1, min(left, most) + 1) for rest in partitions(left - k, k)
        ]

    rows = [(*row, *([0] * (10 - len(row)))) for row in partitions(total, total) if len(row) <= 10]
    return np.array(rows, np.uint8)


def test_bins_hold_each_face_once_and_tenths_fall_on_their_own_bin():
    all_votes = np.concatenate([every_way_to_vote(total) for total in range(11)])
    for values, edges in (
        (votes.agreement(all_votes), AGREEMENT_EDGES),
        (votes.entropy(all_votes), ENTROPY_EDGES),
    ):
        counts = bin_counts(values, edges)
        inside = [(values >= low) & (values < high) for low, high in itertools.pairwise(edges)]
        assert counts.tolist() == [int(mask.sum()) for mask in inside]
        assert counts.sum() == len(values)
    divided = np.arange(11, dtype=np.float32) / np.float32(10)
    rounded = (np.arange(11) / 10).astype(np.float32)
    for tenths in (divided, rounded):
        assert bin_counts(tenths, AGREEMENT_EDGES).tolist() == [1] * 11


def test_the_vote_histogram_shows_filled_bins_that_carry_their_number():
    counts, edges = np.array([0, 0, 3, 1, 0, 5]), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    figure = vote_histogram(counts, edges, "agreement", chosen=3)
    (bars,) = figure.data
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        *("agreement", "faces"),
    )
    assert (list(bars.x), list(bars.y)) == ([0.2, 0.3, 0.5], [3, 1, 5])
    assert [mark[0] for mark in bars.customdata] == [2, 3, 5]
    assert bars.hovertext[2] == "<b>0.5</b> up to 0.6: 5 faces, 55.6%"
    assert list(bars.marker.opacity) == [FADED, 1, FADED]
    assert not len(vote_histogram(np.zeros(3, np.int64), edges[:4], "x").data[0].x)

    full, edges = np.array([1, 1]), (0.0, 0.25, 0.5)
    (covering,) = vote_histogram(full, edges, "x").data
    (centered,) = vote_histogram(full, edges, "x", on_edges=True).data
    assert list(covering.width) == list(centered.width) == [0.25, 0.25]
    assert (set(covering.offset), set(centered.offset)) == ({0}, {-0.125})


def test_the_majority_matrix_shows_labels_by_majorities_and_carries_its_cells():
    for shares in SHARES:
        figure = majority_matrix(MAJORITY_COUNTS, shares, marked=(2, 9))
        heat, cells = figure.data
        axes = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text
        assert axes == ("FER+ majority", "label")
        assert (heat.x, heat.y) == (MAJORITIES, EMOTIONS)
        assert [tuple(cell) for cell in cells.customdata] == list(np.ndindex(7, 11))
        assert cells.x[:11] == MAJORITIES
        frame = figure.layout.shapes[0]
        assert (frame.x0, frame.x1, frame.y0, frame.y1) == (8.5, 9.5, 1.5, 2.5)
    assert cell_values(MAJORITY_COUNTS, "row % (recall)").sum(axis=1) == pytest.approx(
        np.full(7, 100)
    )
    text = majority_matrix(MAJORITY_COUNTS).data[1].hovertext[10]
    assert "labeled <b>angry</b>, FER+ majority <b>no majority</b>: 10 faces" in text
    assert f"{10 / 55:.1%} of those labeled angry" in text
