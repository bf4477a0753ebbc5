"""ROC and precision-recall curves: the emotions of one model, or one average of several."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import (
    AVERAGE,
    FADED,
    REFERENCE,
    finish,
    make_clickable,
    series_style,
)
from pipeline.evaluation.roc import PrecisionRecallCurve, RocCurve
from pipeline.evaluation.thresholds import OperatingPoint
from pipeline.labels import COLOURS

Curve = TypeVar("Curve", RocCurve, PrecisionRecallCurve)

_POINTS = 300
_AVERAGE_DASHES = {"macro": "dash", "micro": "dot"}
_HEIGHT_PX = 410
_CLEAR = "rgba(0, 0, 0, 0)"
_CLICKED = {"selected": {"marker": {"opacity": 0}}, "unselected": {"marker": {"opacity": 0}}}


def roc_by_emotion(curves: Sequence[RocCurve], point: OperatingPoint | None = None) -> go.Figure:
    """Draw a curve for each emotion in its colour, and the averages in broken lines.

    A click on an emotion's curve tells `[emotion, threshold]` as custom data.

    Args:
        curves: of one model.
        point: where a threshold puts one emotion; its curve stands out.
    """
    figure = go.Figure()
    for rank, curve in _chosen_on_top(curves, point):
        shown = _thinned(curve.fpr, curve.tpr)
        name = f"{curve.name} {curve.auc:.3f}"
        words = "true positive rate %{y:.3f}<br>false positive rate %{x:.3f}"
        _add_emotion(figure, curve, name, rank, (curve.fpr, curve.tpr), shown, words, point)
    if point:
        _add_point(figure, point, point.fpr, point.recall)
    _add_chance(figure, 0, 1)
    return _finish(figure, "false positive rate", "true positive rate")


def precision_recall_by_emotion(
    curves: Sequence[PrecisionRecallCurve], point: OperatingPoint | None = None
) -> go.Figure:
    """Draw precision over recall as `roc_by_emotion` draws rates; the arguments are the same."""
    figure = go.Figure()
    for rank, curve in _chosen_on_top(curves, point):
        shown = _thinned(curve.recall, 1 - curve.precision)
        name = f"{curve.name} {curve.average_precision:.3f}"
        words = "precision %{y:.3f}<br>recall %{x:.3f}"
        along = (curve.recall, curve.precision)
        _add_emotion(figure, curve, name, rank, along, shown, words, point)
    if point:
        _add_point(figure, point, point.recall, point.precision)
        share = next((curve.share for curve in curves if curve.name == point.emotion), 0.0)
        _add_chance(figure, share, share)
    return _finish(figure, "recall", "precision")


def roc_by_model(curves: Mapping[str, RocCurve]) -> go.Figure:
    """Draw one curve for each model, by its name."""
    figure = go.Figure()
    styles = series_style(list(curves))
    for name, curve in curves.items():
        shown = _thinned(curve.fpr, curve.tpr)
        figure.add_scatter(
            x=curve.fpr[shown],
            y=curve.tpr[shown],
            name=f"{name} {curve.auc:.3f}",
            mode="lines",
            line={**styles[name], "width": 2.5},
            hovertemplate=(
                "true positive rate %{y:.3f}<br>false positive rate %{x:.3f}"
                f"<extra>{name}</extra>"
            ),
        )
    _add_chance(figure, 0, 1)
    return _finish(figure, "false positive rate", "true positive rate")


def _chosen_on_top(
    curves: Sequence[Curve], point: OperatingPoint | None
) -> list[tuple[int, Curve]]:
    """Return places in the legend and curves, the chosen one last: a click takes the topmost."""
    ranked = list(enumerate(curves, start=1))
    return sorted(ranked, key=lambda each: point is not None and each[1].name == point.emotion)


def _add_emotion(
    figure: go.Figure,
    curve: RocCurve | PrecisionRecallCurve,
    name: str,
    rank: int,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    shown: NDArray[np.intp],
    words: str,
    point: OperatingPoint | None,
) -> None:
    average = curve.name in _AVERAGE_DASHES
    clickable = not average and len(curve.thresholds) > 0
    figure.add_scatter(
        x=points[0][shown],
        y=points[1][shown],
        name=name,
        legendrank=rank,
        # A line tells Streamlit of no clicks, so clear marks lie on it.
        mode="lines+markers" if clickable else "lines",
        marker={"size": 12, "color": _CLEAR},
        line={
            "color": COLOURS.get(curve.name, AVERAGE),
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
            f"{words}{'<br>threshold %{customdata[1]:.3f}' if clickable else ''}"
            f"<extra>{name}</extra>"
        ),
        **(_CLICKED if clickable else {}),
    )


def _add_point(figure: go.Figure, point: OperatingPoint, x: float, y: float) -> None:
    """Mark where a threshold puts an emotion, with lines to both axes."""
    colour = COLOURS[point.emotion]
    figure.add_scatter(
        x=[0, x, x],
        y=[y, y, 0],
        mode="lines",
        line={"color": colour, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"color": colour, "size": 13, "line": {"color": "white", "width": 2}},
        hovertemplate=f"{point.emotion} at {point.threshold:.2f}<extra></extra>",
        showlegend=False,
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _add_chance(figure: go.Figure, begin: float, end: float) -> None:
    """Draw what guessing would give."""
    line = {"color": REFERENCE, "dash": "dot", "width": 1}
    figure.add_shape(type="line", x0=0, y0=begin, x1=1, y1=end, line=line)


def _thinned(rising: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions of a few hundred points, even along the curve, with both ends."""
    steps = np.abs(np.diff(rising, prepend=rising[0])) + np.abs(np.diff(other, prepend=other[0]))
    along = np.cumsum(steps)
    wanted = np.linspace(0.0, along[-1], _POINTS)
    return np.unique(np.append(np.searchsorted(along, wanted), len(along) - 1))


def _finish(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    make_clickable(figure)
    figure.update_layout(hoverdistance=20)
    figure.update_xaxes(range=[0, 1], constrain="domain")
    figure.update_yaxes(range=[0, 1.005])
    return finish(figure, x_title, y_title, height=_HEIGHT_PX)
