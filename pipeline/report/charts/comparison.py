"""Charts of several models: accuracy of every pair, differing confusion matrices, F1 by emotion."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.evaluation.comparison import PairedDifference
from pipeline.evaluation.metrics import Metrics
from pipeline.labels import EMOTIONS
from pipeline.report.charts.confusion import add_cells, frame
from pipeline.report.charts.style import (
    DIVERGING,
    chart_text,
    colored_number,
    finish,
    in_two_lines,
    series_style,
)
from pipeline.report.units import difference, signed

SIGNIFICANT = 0.05
"""Differences with an adjusted p-value below this are marked."""

_MAX_NUMBERED = 12
"""With more models the cells have no room for numbers; hovering shows them."""

_ROW_PX = 44
_LINE_CHARS = 22
"""Of a row's label, which has two lines: a longer one would leave the cells no room."""

_FRAME_PX = 110


def confusion_difference(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    names: tuple[str, str],
    marked: tuple[int | None, int | None] | None = None,
) -> go.Figure:
    """Draw the first confusion matrix minus the second, in faces.

    Cells carry `[label, predicted]` as custom data.

    Args:
        first: int (7, 7), rows true, columns predicted.
        second: the same of another model on the same faces.
        names: of the two models.
        marked: a cell to frame.
    """
    faces = first - second
    one, other = map(chart_text, names)

    def hover(row: int, column: int) -> str:
        return (
            f"<b>{EMOTIONS[row]}</b> predicted as <b>{EMOTIONS[column]}</b>: "
            f"{signed(faces[row, column])}"
            f"<br>{one}: {first[row, column]:,}<br>{other}: {second[row, column]:,}"
        )

    texts = [signed(value) if value else "0" for value in faces.ravel().tolist()]
    figure = _difference_matrix(faces.astype(np.float64), EMOTIONS, EMOTIONS, texts, hover)
    if marked is not None:
        frame(figure, marked, faces.shape)
    return finish(figure, "predicted", "label", height=410, legend=False)


def accuracy_differences(
    pairs: Sequence[PairedDifference], labels: dict[str, str], marked: tuple[str, str] | None = None
) -> go.Figure:
    """Draw the accuracy of each row's model minus that of each column's, in points.

    A star marks a significant difference. Columns have the numbers of the rows. Cells carry
    `[row, column]` as custom data, indices into `labels`.

    Args:
        pairs: every pair of the models.
        labels: model → its label, in their order.
        marked: the models of a cell to frame.
    """
    names = [in_two_lines(label, _LINE_CHARS) for label in labels.values()]
    index = {name: i for i, name in enumerate(labels)}
    labels = {model: chart_text(label) for model, label in labels.items()}
    points = np.full((len(names), len(names)), np.nan)
    by_cell: dict[tuple[int, int], PairedDifference] = {}
    for pair in pairs:
        row, column = index[pair.first], index[pair.second]
        points[row, column] = 100 * pair.difference
        points[column, row] = -100 * pair.difference
        by_cell[row, column] = by_cell[column, row] = pair

    def text(row: int, column: int) -> str:
        if (row, column) not in by_cell:
            return ""
        star = "*" if by_cell[row, column].adjusted_p < SIGNIFICANT else ""
        return star if len(names) > _MAX_NUMBERED else f"{signed(points[row, column], 1)}{star}"

    def hover(row: int, column: int) -> str:
        pair = by_cell.get((row, column))
        if pair is None:
            return "the same model"
        return (
            f"<b>{labels[pair.first]}</b> minus <b>{labels[pair.second]}</b>: "
            f"{difference(pair.difference, pair.interval)}"
            f"<br>only one correct: {pair.only_first:,} against {pair.only_second:,} of "
            f"{pair.n:,} faces<br>McNemar p = {pair.p_value:.2g}, adjusted for all pairs "
            f"{pair.adjusted_p:.2g}"
        )

    texts = [text(*cell) for cell in np.ndindex(points.shape)]
    numbers = [f"#{place}" for place in range(1, len(names) + 1)]
    rows = [f"{name}  {number}" for name, number in zip(names, numbers, strict=True)]
    figure = _difference_matrix(points, rows, numbers, texts, hover)
    if marked is not None and set(marked) <= index.keys():
        frame(figure, (index[marked[0]], index[marked[1]]), points.shape)
    height = _FRAME_PX + _ROW_PX * len(names)
    return finish(figure, "", "", height=max(260, height), legend=False)


def _difference_matrix(
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    texts: Sequence[str],
    hover: Callable[[int, int], str],
) -> go.Figure:
    largest = float(np.abs(values[~np.isnan(values)]).max(initial=0.0)) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            zmin=-largest,
            zmax=largest,
            colorscale=DIVERGING,
            showscale=False,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
        )
    )
    numbers = [
        colored_number(text, abs(value) / largest) if text else ""
        for text, value in zip(texts, values.ravel().tolist(), strict=True)
    ]
    add_cells(figure, rows, columns, numbers, hover)
    figure.update_xaxes(type="category")  # plotly would read "#1" as the number 1
    return figure


def f1_by_emotion(models: Mapping[str, Metrics]) -> go.Figure:
    """Draw the F1 of each emotion as grouped bars, one for each model.

    Args:
        models: label → metrics on the same faces.
    """
    figure = go.Figure()
    styles = series_style(list(models))
    for name, metrics in models.items():
        figure.add_bar(
            x=EMOTIONS,
            y=[metrics.per_class[emotion].f1 for emotion in EMOTIONS],
            name=in_two_lines(name),
            marker={"color": styles[name]["color"]},
            hovertemplate="F1 of %{x}: %{y:.3f}<extra>" + chart_text(name) + "</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.05)
    figure.update_yaxes(range=[0, 1])
    return finish(figure, "emotion", "F1", height=410)
