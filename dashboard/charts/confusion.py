"""The confusion matrix, and others like it, as heat maps whose cells can be clicked."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import MARK, WHITE_TEXT_FROM, blue_cells, finish, make_clickable
from pipeline.labels import EMOTIONS

Shares = Literal["counts", "by row", "by column"]
SHARES: tuple[Shares, ...] = get_args(Shares)


def confusion_matrix(
    counts: NDArray[np.int64],
    shares: Shares = "counts",
    marked: tuple[int | None, int | None] | None = None,
) -> go.Figure:
    """Draw how often each emotion was taken for each other.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        shares: show the numbers, or percentages of each row or column.
        marked: as in `matrix`.
    """

    def words(row: int, column: int) -> str:
        n, labelled, predicted = counts[row, column], counts[row].sum(), counts[:, column].sum()
        return (
            f"<b>{EMOTIONS[row]}</b> taken for <b>{EMOTIONS[column]}</b>: {n:,} faces"
            f"<br>{n / max(labelled, 1):.1%} of those labelled {EMOTIONS[row]}"
            f"<br>{n / max(predicted, 1):.1%} of those predicted {EMOTIONS[column]}"
        )

    figure = matrix(counts, EMOTIONS, EMOTIONS, words, shares, marked)
    return finish(figure, "predicted", "label", height=410, legend=False)


def matrix(
    counts: NDArray[np.int64],
    rows: Sequence[str],
    columns: Sequence[str],
    words: Callable[[int, int], str],
    shares: Shares = "counts",
    marked: tuple[int | None, int | None] | None = None,
) -> go.Figure:
    """Draw how often each row goes with each column, without axis titles.

    A heat map tells Streamlit of no clicks, so clear squares lie on its cells; each carries
    `[row, column]` as custom data.

    Args:
        counts: int (rows, columns).
        rows: what the rows are called, from the top.
        columns: what the columns are called, from the left.
        words: what the pointer shows of a row and a column.
        shares: show the numbers, or percentages of each row or column.
        marked: a cell to frame; None for either index frames the whole row or column.
    """
    values = cell_values(counts, shares)
    strength = np.nan_to_num(values) / max(float(np.nanmax(values, initial=0.0)), 1e-9)
    figure = go.Figure(blue_cells(strength, x=columns, y=rows))
    add_cells(figure, rows, columns, _numbers(values, strength, shares), words)
    if marked is not None:
        frame(figure, marked, counts.shape)
    make_clickable(figure)
    figure.update_xaxes(showgrid=False, range=[-0.5, len(columns) - 0.5], tickfont={"size": 11})
    figure.update_yaxes(showgrid=False, range=[len(rows) - 0.5, -0.5])
    return figure


def add_cells(
    figure: go.Figure,
    rows: Sequence[str],
    columns: Sequence[str],
    numbers: Sequence[str],
    words: Callable[[int, int], str],
) -> None:
    """Lay clear squares with their numbers on the cells of a heat map, which can be clicked.

    Args:
        figure: the figure; it is changed.
        rows: what the rows are called, from the top.
        columns: what the columns are called, from the left.
        numbers: what each cell says, row by row.
        words: what the pointer shows of a row and a column.
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
        hovertext=[words(*cell) for cell in cells],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def cell_values(counts: NDArray[np.int64], shares: Shares) -> NDArray[np.float64]:
    """Return what the cells show, float like counts: numbers, or percentages; NaN of nothing."""
    if shares == "counts":
        return counts.astype(np.float64)
    totals = counts.sum(axis=1 if shares == "by row" else 0, keepdims=True)
    shown = np.full(counts.shape, np.nan)
    np.divide(100.0 * counts, totals, out=shown, where=totals > 0)
    return shown


def _numbers(
    values: NDArray[np.float64], strength: NDArray[np.float64], shares: Shares
) -> list[str]:
    return [
        _number(float(value), shares, bool(blue > WHITE_TEXT_FROM))
        for value, blue in zip(values.flat, strength.flat, strict=True)
    ]


def _number(value: float, shares: Shares, on_dark: bool) -> str:
    if np.isnan(value):
        return "–"
    number = f"{value:,.0f}" if shares == "counts" else f"{value:.1f}"
    # `currentColor` is the page's own text colour, on light and dark.
    return f'<span style="color: {"white" if on_dark else "currentColor"}">{number}</span>'


def frame(figure: go.Figure, marked: tuple[int | None, int | None], shape: tuple[int, ...]) -> None:
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
