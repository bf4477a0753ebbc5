"""Confusion matrices as clickable heat maps, and the most confused pairs as bars."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.style import (
    CLICKED,
    MARK,
    blue_cells,
    colored_number,
    finish,
    make_clickable,
    opacities,
)

Shares = Literal["counts", "row % (recall)", "column % (precision)"]
SHARES: tuple[Shares, ...] = get_args(Shares)
Cell = tuple[int | None, int | None]
"""Row and column of a matrix; None for a whole column or row."""

_MAX_PAIRS = 10


def confusion_matrix(
    counts: NDArray[np.int64], shares: Shares = "counts", marked: Cell | None = None
) -> go.Figure:
    """Draw a confusion matrix; cells carry `[label, predicted]` as custom data.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        shares: show counts, or percentages of each row or column.
        marked: a cell, row or column to frame.
    """

    def hover(row: int, column: int) -> str:
        n, labeled, predicted = counts[row, column], counts[row].sum(), counts[:, column].sum()
        return (
            f"<b>{EMOTIONS[row]}</b> predicted as <b>{EMOTIONS[column]}</b>: {n:,} faces"
            f"<br>{n / max(labeled, 1):.1%} of those labeled {EMOTIONS[row]}"
            f"<br>{n / max(predicted, 1):.1%} of those predicted {EMOTIONS[column]}"
        )

    figure = matrix(counts, EMOTIONS, EMOTIONS, hover, shares, marked)
    return finish(figure, "predicted", "label", height=410, legend=False)


def matrix(
    counts: NDArray[np.int64],
    rows: Sequence[str],
    columns: Sequence[str],
    hover: Callable[[int, int], str],
    shares: Shares = "counts",
    marked: Cell | None = None,
) -> go.Figure:
    """Draw counts of rows and columns as a heat map without axis titles.

    Args:
        counts: int (rows, columns).
        rows: names of the rows, from the top.
        columns: names of the columns, from the left.
        hover: hover text of a row and a column.
        shares: show counts, or percentages of each row or column.
        marked: a cell, row or column to frame.
    """
    values = cell_values(counts, shares)
    strength = np.nan_to_num(values) / max(float(np.nanmax(values, initial=0.0)), 1e-9)
    figure = go.Figure(blue_cells(strength, x=columns, y=rows))
    numbers = [
        _number(float(value), shares, float(blue))
        for value, blue in zip(values.flat, strength.flat, strict=True)
    ]
    add_cells(figure, rows, columns, numbers, hover)
    if marked is not None:
        frame(figure, marked, counts.shape)
    return figure


def add_cells(
    figure: go.Figure,
    rows: Sequence[str],
    columns: Sequence[str],
    numbers: Sequence[str],
    hover: Callable[[int, int], str],
) -> None:
    """Add clickable cells with numbers to a heat map, and scale its axes to them.

    Streamlit reports no clicks on a heat map, so transparent squares lie on its cells; each
    carries `[row, column]` as custom data.

    Args:
        figure: the figure; it is changed.
        rows: names of the rows, from the top.
        columns: names of the columns, from the left.
        numbers: text of each cell, row by row.
        hover: hover text of a row and a column.
    """
    cells = list(np.ndindex(len(rows), len(columns)))
    figure.add_scatter(
        x=[columns[column] for _, column in cells],
        y=[rows[row] for row, _ in cells],
        customdata=cells,
        mode="markers+text",
        text=numbers,
        marker={"symbol": "square", "size": 34, "color": "rgba(0, 0, 0, 0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertext=[hover(*cell) for cell in cells],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    make_clickable(figure)
    figure.update_xaxes(showgrid=False, range=[-0.5, len(columns) - 0.5], tickfont={"size": 11})
    figure.update_yaxes(showgrid=False, range=[len(rows) - 0.5, -0.5])


def cell_values(counts: NDArray[np.int64], shares: Shares) -> NDArray[np.float64]:
    """Return counts, or percentages of rows or columns, as float; NaN for 0 of 0."""
    if shares == "counts":
        return counts.astype(np.float64)
    totals = counts.sum(axis=1 if shares == "row % (recall)" else 0, keepdims=True)
    percentages = np.full(counts.shape, np.nan)
    np.divide(100.0 * counts, totals, out=percentages, where=totals > 0)
    return percentages


def _number(value: float, shares: Shares, strength: float) -> str:
    if np.isnan(value):
        return "–"
    text = f"{value:,.0f}" if shares == "counts" else f"{value:.1f}"
    return colored_number(text, strength)


def frame(figure: go.Figure, marked: Cell, shape: tuple[int, ...]) -> None:
    """Frame a cell, or a whole row or column where the other index is None."""
    (top, bottom), (left, right) = (
        (0, n - 1) if index is None else (index, index)
        for index, n in zip(marked, shape, strict=True)
    )
    figure.add_shape(
        x0=left - 0.5,
        x1=right + 0.5,
        y0=top - 0.5,
        y1=bottom + 0.5,
        line={"color": MARK, "width": 3},
        layer="above",
    )


def confused_pairs(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return label and prediction of the 10 most frequent confusions, the most frequent first.

    Args:
        counts: int (7, 7), rows true, columns predicted.
    """
    wrong = counts * (1 - np.eye(len(EMOTIONS), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MAX_PAIRS]
    cells = [(int(i) // len(EMOTIONS), int(i) % len(EMOTIONS)) for i in order]
    return [cell for cell in cells if wrong[cell]]


def most_confused_pairs(counts: NDArray[np.int64], marked: Cell | None = None) -> go.Figure:
    """Draw a bar for each of the most frequent confusions, in the color of the prediction.

    A bar carries `[label, predicted]` as custom data and is hit anywhere in its row.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        marked: a pair to highlight.
    """
    pairs = confused_pairs(counts)
    figure = go.Figure(
        go.Bar(
            x=[int(counts[pair]) for pair in pairs],
            y=[f"{EMOTIONS[label]} → {EMOTIONS[predicted]}" for label, predicted in pairs],
            orientation="h",
            customdata=pairs,
            marker={
                "color": [COLORS[EMOTIONS[predicted]] for _, predicted in pairs],
                "opacity": opacities(pairs, marked if marked in pairs else None),
            },
            text=[
                f"{counts[pair]:,} ({counts[pair] / counts[pair[0]].sum():.0%})" for pair in pairs
            ],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"<b>{EMOTIONS[label]}</b> predicted as <b>{EMOTIONS[predicted]}</b>: "
                f"{counts[label, predicted]:,} of {counts[label].sum():,} faces"
                for label, predicted in pairs
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            **CLICKED,
        )
    )
    longest = max((int(counts[pair]) for pair in pairs), default=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, longest * 1.25], showticklabels=False, showgrid=False)
    make_clickable(figure, "y")
    return finish(figure, "", "", height=340, legend=False)
