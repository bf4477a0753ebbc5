"""The confusion matrix as a heat map whose cells can be clicked."""

from typing import Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import BLUES, MARK, WHITE_TEXT_FROM, finish
from pipeline.labels import EMOTIONS

Shares = Literal["counts", "by row", "by column"]
SHARES: tuple[Shares, ...] = get_args(Shares)


def confusion_matrix(
    counts: NDArray[np.int64],
    shares: Shares = "counts",
    marked: tuple[int | None, int | None] | None = None,
) -> go.Figure:
    """Draw how often each emotion was taken for each other.

    A heat map tells Streamlit of no clicks, so clear squares lie on its cells; each carries
    `[true, predicted]` as custom data.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        shares: show the numbers, or percentages of each row or column.
        marked: a cell to frame; None for either index frames the whole row or column.
    """
    values = cell_values(counts, shares)
    strength = np.nan_to_num(values) / max(float(np.nanmax(values, initial=0.0)), 1e-9)
    figure = go.Figure(
        go.Heatmap(
            z=strength,
            x=EMOTIONS,
            y=EMOTIONS,
            zmin=0,
            zmax=1,
            colorscale=BLUES,
            showscale=False,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
        )
    )
    _add_cells(figure, counts, shares, strength)
    if marked is not None:
        _frame(figure, marked)
    figure.update_layout(clickmode="event+select", dragmode=False, hoverdistance=-1)
    figure.update_xaxes(fixedrange=True, showgrid=False, range=[-0.5, 6.5], tickfont={"size": 11})
    figure.update_yaxes(fixedrange=True, showgrid=False, range=[6.5, -0.5])
    return finish(figure, "predicted", "label", height=410, legend=False)


def cell_values(counts: NDArray[np.int64], shares: Shares) -> NDArray[np.float64]:
    """Return what the cells show, float (7, 7): counts, or percentages; NaN of nothing."""
    if shares == "counts":
        return counts.astype(np.float64)
    totals = counts.sum(axis=1 if shares == "by row" else 0, keepdims=True)
    shown = np.full(counts.shape, np.nan)
    np.divide(100.0 * counts, totals, out=shown, where=totals > 0)
    return shown


def _add_cells(
    figure: go.Figure, counts: NDArray[np.int64], shares: Shares, strength: NDArray[np.float64]
) -> None:
    values = cell_values(counts, shares)
    cells = list(np.ndindex(counts.shape))
    figure.add_scatter(
        x=[EMOTIONS[column] for _, column in cells],
        y=[EMOTIONS[row] for row, _ in cells],
        customdata=cells,
        mode="markers+text",
        text=[
            _number(
                float(values[row, column]), shares, bool(strength[row, column] > WHITE_TEXT_FROM)
            )
            for row, column in cells
        ],
        marker={"symbol": "square", "size": 34, "color": "rgba(0, 0, 0, 0)"},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertext=[_sentence(counts, row, column) for row, column in cells],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _number(value: float, shares: Shares, on_dark: bool) -> str:
    if np.isnan(value):
        return "–"
    number = f"{value:,.0f}" if shares == "counts" else f"{value:.1f}"
    # `currentColor` is the page's own text colour, on light and dark.
    return f'<span style="color: {"white" if on_dark else "currentColor"}">{number}</span>'


def _sentence(counts: NDArray[np.int64], row: int, column: int) -> str:
    n, labelled, predicted = counts[row, column], counts[row].sum(), counts[:, column].sum()
    return (
        f"<b>{EMOTIONS[row]}</b> taken for <b>{EMOTIONS[column]}</b>: {n:,} faces"
        f"<br>{n / max(labelled, 1):.1%} of those labelled {EMOTIONS[row]}"
        f"<br>{n / max(predicted, 1):.1%} of those predicted {EMOTIONS[column]}"
    )


def _frame(figure: go.Figure, marked: tuple[int | None, int | None]) -> None:
    row, column = marked
    top, bottom = (0, len(EMOTIONS) - 1) if row is None else (row, row)
    left, right = (0, len(EMOTIONS) - 1) if column is None else (column, column)
    figure.add_shape(
        x0=left - 0.5,
        x1=right + 0.5,
        y0=top - 0.5,
        y1=bottom + 0.5,
        line={"color": MARK, "width": 3},
        layer="above",
    )
