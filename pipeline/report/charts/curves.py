"""ROC and precision-recall curves: by emotion of one model, or one curve of several models."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.evaluation.curves import OperatingPoint, PrecisionRecallCurve, RocCurve
from pipeline.labels import COLORS
from pipeline.report.charts.style import (
    AVERAGE,
    FADED,
    REFERENCE,
    chart_text,
    finish,
    in_two_lines,
    make_clickable,
    series_style,
)

Curve = TypeVar("Curve", RocCurve, PrecisionRecallCurve)

_POINTS = 300
_AVERAGE_DASHES = {"macro": "dash", "micro": "dot"}
_HEIGHT_PX = 410
_TRANSPARENT = "rgba(0, 0, 0, 0)"
_CLICKED = {"selected": {"marker": {"opacity": 0}}, "unselected": {"marker": {"opacity": 0}}}


def roc_by_emotion(curves: Sequence[RocCurve], point: OperatingPoint | None = None) -> go.Figure:
    """Draw the curve of each emotion in its color, and dashed averages.

    Points of an emotion's curve carry `[emotion, threshold]` as custom data.

    Args:
        curves: of one model.
        point: the operating point to mark; its curve is highlighted.
    """
    figure = go.Figure()
    for rank, curve in _selected_last(curves, point):
        shown = _thinned(curve.fpr, curve.tpr)
        name = f"{curve.name} {curve.auc:.3f}"
        hover = "true positive rate %{y:.3f}<br>false positive rate %{x:.3f}"
        _add_emotion(figure, curve, name, rank, (curve.fpr, curve.tpr), shown, hover, point)
    if point:
        _add_point(figure, point, point.fpr, point.recall)
    _add_chance(figure, 0, 1)
    return _finish(figure, "false positive rate", "true positive rate")


def precision_recall_by_emotion(
    curves: Sequence[PrecisionRecallCurve], point: OperatingPoint | None = None
) -> go.Figure:
    """Draw precision over recall; see `roc_by_emotion`."""
    figure = go.Figure()
    for rank, curve in _selected_last(curves, point):
        shown = _thinned(curve.recall, 1 - curve.precision)
        name = f"{curve.name} {curve.average_precision:.3f}"
        hover = "precision %{y:.3f}<br>recall %{x:.3f}"
        points = (curve.recall, curve.precision)
        _add_emotion(figure, curve, name, rank, points, shown, hover, point)
    if point:
        _add_point(figure, point, point.recall, point.precision)
        share = next((curve.prevalence for curve in curves if curve.name == point.emotion), 0.0)
        _add_chance(figure, share, share)
    return _finish(figure, "recall", "precision")


def roc_by_model(curves: Mapping[str, RocCurve]) -> go.Figure:
    """Draw one curve for each model, given by its label."""
    figure = go.Figure()
    styles = series_style(list(curves))
    for name, curve in curves.items():
        shown = _thinned(curve.fpr, curve.tpr)
        figure.add_scatter(
            x=curve.fpr[shown],
            y=curve.tpr[shown],
            name=f"{in_two_lines(name)} {curve.auc:.3f}",
            mode="lines",
            line={**styles[name], "width": 2.5},
            hovertemplate=(
                "true positive rate %{y:.3f}<br>false positive rate %{x:.3f}"
                f"<extra>{chart_text(name)}</extra>"
            ),
        )
    _add_chance(figure, 0, 1)
    return _finish(figure, "false positive rate", "true positive rate")


def _selected_last(
    curves: Sequence[Curve], point: OperatingPoint | None
) -> list[tuple[int, Curve]]:
    """Return legend ranks and curves, the selected one last: a click hits the topmost."""
    ranked = list(enumerate(curves, start=1))
    return sorted(ranked, key=lambda each: point is not None and each[1].name == point.emotion)


def _add_emotion(
    figure: go.Figure,
    curve: RocCurve | PrecisionRecallCurve,
    name: str,
    rank: int,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    shown: NDArray[np.intp],
    hover: str,
    point: OperatingPoint | None,
) -> None:
    average = curve.name in _AVERAGE_DASHES
    clickable = not average and len(curve.thresholds) > 0
    figure.add_scatter(
        x=points[0][shown],
        y=points[1][shown],
        name=name,
        legendrank=rank,
        # Streamlit reports no clicks on a line, so transparent marks lie on it.
        mode="lines+markers" if clickable else "lines",
        marker={"size": 12, "color": _TRANSPARENT},
        line={
            "color": COLORS.get(curve.name, AVERAGE),
            "dash": _AVERAGE_DASHES.get(curve.name, "solid"),
            "width": 3 if average or (point and point.emotion == curve.name) else 2,
        },
        opacity=FADED if point and point.emotion != curve.name else 1.0,
        customdata=(
            [[curve.name, min(1.0, float(curve.thresholds[i]))] for i in shown]
            if clickable
            else None
        ),
        hovertemplate=(
            f"{hover}{'<br>threshold %{customdata[1]:.3f}' if clickable else ''}"
            f"<extra>{name}</extra>"
        ),
        **(_CLICKED if clickable else {}),
    )


def _add_point(figure: go.Figure, point: OperatingPoint, x: float, y: float) -> None:
    """Mark an operating point, with lines to both axes."""
    color = COLORS[point.emotion]
    figure.add_scatter(
        x=[0, x, x],
        y=[y, y, 0],
        mode="lines",
        line={"color": color, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"color": color, "size": 13, "line": {"color": "white", "width": 2}},
        hovertemplate=f"{point.emotion} at {point.threshold:.2f}<extra></extra>",
        showlegend=False,
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _add_chance(figure: go.Figure, begin: float, end: float) -> None:
    """Draw the line of random guessing."""
    line = {"color": REFERENCE, "dash": "dot", "width": 1}
    figure.add_shape(type="line", x0=0, y0=begin, x1=1, y1=end, line=line)


def _thinned(rising: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices of a few hundred points, evenly along the curve, with both ends."""
    steps = np.abs(np.diff(rising, prepend=rising[0])) + np.abs(np.diff(other, prepend=other[0]))
    length = np.cumsum(steps)
    even = np.linspace(0.0, length[-1], _POINTS)
    return np.unique(np.append(np.searchsorted(length, even), len(length) - 1))


def _finish(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    make_clickable(figure)
    figure.update_layout(hoverdistance=20)
    figure.update_xaxes(range=[0, 1], constrain="domain")
    figure.update_yaxes(range=[0, 1.005])
    return finish(figure, x_title, y_title, height=_HEIGHT_PX)
