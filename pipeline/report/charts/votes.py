"""FER+ votes: histograms of agreement and entropy, and majority by label as a heat map."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.report.charts.confusion import Cell, Shares, matrix
from pipeline.report.charts.style import CLICKED, SERIES, finish, make_clickable, opacities

AGREEMENT_EDGES = tuple(tenths / 10 for tenths in range(12))
"""Bins of a tenth, the upper edge excluded; the last is full agreement. Votes are tenths, so
nearly all faces lie on the lower edges."""

ENTROPY_EDGES = tuple(quarters / 4 for quarters in range(15))
"""Bins of a quarter of a bit; ten votes for ten different classes have 3.32 bits."""


def bin_counts(values: NDArray[np.float32], edges: Sequence[float]) -> NDArray[np.int64]:
    """Return the number of values in each bin, its upper edge excluded.

    Args:
        values: float32 (n,), within the outer edges.
        edges: the n + 1 edges of n bins.
    """
    # As float32, since 0.7 as float32 is less than 0.7 as float64.
    bins = np.searchsorted(np.asarray(edges, np.float32), values, side="right") - 1
    return np.bincount(bins, minlength=len(edges) - 1)


def vote_histogram(
    counts: NDArray[np.int64],
    edges: Sequence[float],
    title: str,
    *,
    on_edges: bool = False,
    chosen: int | None = None,
) -> go.Figure:
    """Draw the number of faces in each bin; a bar carries `[bin]` as custom data.

    Args:
        counts: int (n,), from `bin_counts`.
        edges: the n + 1 edges of the bins.
        title: of the x axis, with its unit.
        on_edges: whether values lie on the lower edges, so that bars are centered on them.
        chosen: a bin to highlight.
    """
    used = np.flatnonzero(counts).tolist()
    widths = [edges[i + 1] - edges[i] for i in used]
    shares = counts / max(1, counts.sum())
    figure = go.Figure(
        go.Bar(
            x=[edges[i] for i in used],
            y=counts[used].tolist(),
            width=widths,
            offset=[-width / 2 if on_edges else 0 for width in widths],
            customdata=[[i] for i in used],
            marker={"color": SERIES[0], "opacity": opacities(used, chosen)},
            hovertext=[
                f"<b>{edges[i]:g}</b> up to {edges[i + 1]:g}: {counts[i]:,} faces, {shares[i]:.1%}"
                for i in used
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            **CLICKED,
        )
    )
    make_clickable(figure, "x")
    figure.update_xaxes(tick0=0, dtick=edges[1] if on_edges else 0.5, showgrid=False)
    figure.update_yaxes(tickformat=",")
    finish(figure, title, "faces", height=230, legend=False)
    return figure.update_yaxes(title_standoff=20)


def majority_matrix(
    counts: NDArray[np.int64], shares: Shares = "counts", marked: Cell | None = None
) -> go.Figure:
    """Draw the FER+ majority of the faces of each label as a heat map.

    Args:
        counts: int (7, 11), rows labels, columns `MAJORITIES`.
        shares: show counts, or percentages of each row or column.
        marked: a cell, row or column to frame.
    """

    def hover(label: int, majority: int) -> str:
        n, labeled = counts[label, majority], counts[label].sum()
        return (
            f"labeled <b>{EMOTIONS[label]}</b>, FER+ majority <b>{MAJORITIES[majority]}</b>: "
            f"{n:,} faces<br>{n / max(labeled, 1):.1%} of those labeled {EMOTIONS[label]}"
        )

    figure = matrix(counts, EMOTIONS, MAJORITIES, hover, shares, marked)
    return finish(figure, "FER+ majority", "label", height=410, legend=False)
