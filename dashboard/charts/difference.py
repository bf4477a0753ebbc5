"""Differences of models: of their confusion matrices, and of every pair's accuracy."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.confusion import add_cells, frame
from dashboard.charts.style import DIVERGING, WHITE_TEXT_FROM, finish, make_clickable
from pipeline.evaluation.comparison import PairedDifference
from pipeline.labels import EMOTIONS

SIGNIFICANT = 0.05
"""Differences whose adjusted p-value is below this are marked."""

_MOST_NUMBERED = 12
"""Of more models the cells have no room for numbers, which the pointer shows."""

_ROW_PX = 44
_FRAME_PX = 110


def confusion_difference(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    names: tuple[str, str],
    marked: tuple[int | None, int | None] | None = None,
) -> go.Figure:
    """Draw how many faces more or less one model puts into each cell than another.

    Cells carry `[label, predicted]` as custom data.

    Args:
        first: int (7, 7), rows true, columns predicted.
        second: the other's, of the same faces.
        names: of the two models.
        marked: a cell to frame.
    """
    more = first - second

    def words(row: int, column: int) -> str:
        return (
            f"<b>{EMOTIONS[row]}</b> taken for <b>{EMOTIONS[column]}</b>: {more[row, column]:+,}"
            f"<br>{names[0]}: {first[row, column]:,}<br>{names[1]}: {second[row, column]:,}"
        )

    numbers = [
        _signed(f"{value:+d}" if value else "0", value, more) for value in more.ravel().tolist()
    ]
    figure = _cells(more, EMOTIONS, EMOTIONS, numbers, words)
    if marked is not None:
        frame(figure, marked, more.shape)
    return finish(figure, "predicted", "label", height=410, legend=False)


def accuracy_differences(
    pairs: Sequence[PairedDifference], labels: dict[str, str], marked: tuple[str, str] | None = None
) -> go.Figure:
    """Draw how much more accurate the model of each row is than that of each column, in points.

    A star marks a difference that is hardly chance. Cells carry `[row, column]` as custom data,
    places in `labels`.

    Args:
        pairs: every pair of the models.
        labels: model → what it is called, in their order.
        marked: the models of a cell to frame.
    """
    names, places = list(labels), {name: i for i, name in enumerate(labels)}
    points = np.full((len(names), len(names)), np.nan)
    by_cell: dict[tuple[int, int], PairedDifference] = {}
    for pair in pairs:
        row, column = places[pair.first], places[pair.second]
        points[row, column] = 100 * pair.difference
        points[column, row] = -100 * pair.difference
        by_cell[row, column] = by_cell[column, row] = pair

    def words(row: int, column: int) -> str:
        return _pair_words(by_cell.get((row, column)), labels)

    def number(row: int, column: int) -> str:
        pair = by_cell.get((row, column))
        if pair is None:
            return ""
        star = "*" if pair.adjusted_p < SIGNIFICANT else ""
        if len(names) > _MOST_NUMBERED:
            return star
        return _signed(f"{points[row, column]:+.1f}{star}", points[row, column], points)

    called = list(labels.values())
    numbers = [number(*cell) for cell in np.ndindex(points.shape)]
    figure = _cells(points, called, called, numbers, words)
    if marked is not None and set(marked) <= places.keys():
        frame(figure, (places[marked[0]], places[marked[1]]), points.shape)
    height = _FRAME_PX + _ROW_PX * len(names)
    return finish(figure, "", "", height=max(260, height), legend=False)


def _pair_words(pair: PairedDifference | None, labels: dict[str, str]) -> str:
    if pair is None:
        return "the same model"
    low, high = (100 * end for end in pair.interval)
    return (
        f"<b>{labels[pair.first]}</b> less <b>{labels[pair.second]}</b>: "
        f"{100 * pair.difference:+.1f} points ({low:+.1f} to {high:+.1f})"
        f"<br>right alone: {pair.only_first:,} against {pair.only_second:,} of {pair.n:,} faces"
        f"<br>McNemar p = {pair.p_value:.2g}, for all pairs together {pair.adjusted_p:.2g}"
    )


def _cells(
    values: NDArray[np.int64] | NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    numbers: Sequence[str],
    words: Callable[[int, int], str],
) -> go.Figure:
    most = _most(values)
    figure = go.Figure(
        go.Heatmap(
            z=values, x=columns, y=rows, zmin=-most, zmax=most, colorscale=DIVERGING,
            showscale=False, hoverinfo="skip", xgap=2, ygap=2,
        )
    )  # fmt: skip
    add_cells(figure, rows, columns, numbers, words)
    make_clickable(figure)
    figure.update_xaxes(showgrid=False, range=[-0.5, len(columns) - 0.5], tickfont={"size": 11})
    figure.update_yaxes(showgrid=False, range=[len(rows) - 0.5, -0.5])
    return figure


def _most(values: NDArray[np.int64] | NDArray[np.float64]) -> float:
    known = np.abs(values[~np.isnan(values)])
    return float(known.max(initial=0.0)) or 1.0


def _signed(text: str, value: float, values: NDArray[np.int64] | NDArray[np.float64]) -> str:
    # `currentColor` is the page's own text colour, on light and dark.
    colour = "white" if abs(value) / _most(values) > WHITE_TEXT_FROM else "currentColor"
    return f'<span style="color: {colour}">{text}</span>'
