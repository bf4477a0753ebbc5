import itertools

import numpy as np
import pytest

from dashboard.charts.confusion import SHARES, cell_values
from dashboard.charts.style import FADED
from dashboard.charts.votes import (
    AGREEMENT_EDGES,
    ENTROPY_EDGES,
    bin_counts,
    majority_matrix,
    vote_histogram,
)
from pipeline.data import votes
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS

COUNTS = np.arange(77).reshape(7, 11)


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


ALL_VOTES = np.concatenate([every_way_to_vote(total) for total in range(11)])


@pytest.mark.parametrize(
    ("values", "edges"),
    [(votes.agreement(ALL_VOTES), AGREEMENT_EDGES), (votes.entropy(ALL_VOTES), ENTROPY_EDGES)],
    ids=["agreement", "entropy"],
)
def test_bins_hold_each_face_once_as_their_half_open_intervals_do(values, edges):
    counts = bin_counts(values, edges)
    inside = [(values >= low) & (values < high) for low, high in itertools.pairwise(edges)]
    assert counts.tolist() == [int(mask.sum()) for mask in inside]
    assert counts.sum() == len(values)


def test_tenths_fall_on_their_own_bin():
    tenths = np.arange(11, dtype=np.float32) / np.float32(10)
    assert bin_counts(tenths, AGREEMENT_EDGES).tolist() == [1] * 11
    rounded = (np.arange(11) / 10).astype(np.float32)
    assert bin_counts(rounded, AGREEMENT_EDGES).tolist() == [1] * 11


def test_bars_show_the_counts_and_tell_their_bin():
    counts = np.array([0, 0, 3, 1, 0, 5])
    (bars,) = vote_histogram(counts, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), "agreement").data
    assert (list(bars.x), list(bars.y)) == ([0.2, 0.3, 0.5], [3, 1, 5])
    assert [mark[0] for mark in bars.customdata] == [2, 3, 5]
    assert bars.hovertext[2] == "<b>0.5</b> up to 0.6: 5 faces, 55.6%"


def test_bars_cover_their_bins_or_stand_on_the_lower_edges():
    counts, edges = np.array([1, 1]), (0.0, 0.25, 0.5)
    (covering,) = vote_histogram(counts, edges, "x").data
    (standing,) = vote_histogram(counts, edges, "x", on_edges=True).data
    assert list(covering.width) == list(standing.width) == [0.25, 0.25]
    assert (set(covering.offset), set(standing.offset)) == ({0}, {-0.125})


def test_the_histogram_names_its_axes_and_the_chosen_bar_stands_out():
    figure = vote_histogram(np.array([4, 2, 9]), (0.0, 1.0, 2.0, 3.0), "bits", chosen=1)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("bits", "faces")
    assert list(figure.data[0].marker.opacity) == [FADED, 1, FADED]


def test_a_histogram_of_no_face_is_empty():
    assert not len(vote_histogram(np.zeros(3, np.int64), (0.0, 1.0, 2.0, 3.0), "x").data[0].x)


@pytest.mark.parametrize("shares", SHARES)
def test_majority_cells_show_labels_by_majorities_and_carry_what_a_click_chooses(shares):
    figure = majority_matrix(COUNTS, shares)
    heat, cells = figure.data
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "FER+ majority",
        "label",
    )
    assert (heat.x, heat.y) == (MAJORITIES, EMOTIONS)
    assert [tuple(cell) for cell in cells.customdata] == list(np.ndindex(7, 11))
    assert cells.x[:11] == MAJORITIES
    assert cell_values(COUNTS, "by row").sum(axis=1) == pytest.approx(np.full(7, 100))


def test_majority_matrix_frames_the_chosen_cell_row_or_column():
    def frame(marked):
        shape = majority_matrix(COUNTS, marked=marked).layout.shapes[0]
        return shape.x0, shape.x1, shape.y0, shape.y1

    assert frame((2, 9)) == (8.5, 9.5, 1.5, 2.5)
    assert frame((2, None)) == (-0.5, 10.5, 1.5, 2.5)
    assert frame((None, 9)) == (8.5, 9.5, -0.5, 6.5)


def test_the_pointer_tells_the_share_of_the_label():
    words = majority_matrix(COUNTS).data[1].hovertext[0 * 11 + 10]
    assert "labelled <b>angry</b>, FER+ says <b>no majority</b>: 10 faces" in words
    assert f"{10 / 55:.1%} of those labelled angry" in words
