"""ROC curves: the emotions of one model, or one average of several."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.style import AVERAGE, REFERENCE, finish, series_style
from pipeline.evaluation.roc import RocCurve
from pipeline.labels import COLOURS

_POINTS = 300
_AVERAGE_DASHES = {"macro": "dash", "micro": "dot"}


def roc_by_emotion(curves: Sequence[RocCurve]) -> go.Figure:
    """Draw a curve for each emotion in its colour, and the averages in broken lines."""
    figure = go.Figure()
    for curve in curves:
        average = curve.name in _AVERAGE_DASHES
        line = {
            "color": COLOURS.get(curve.name, AVERAGE),
            "dash": _AVERAGE_DASHES.get(curve.name, "solid"),
            "width": 3 if average else 2,
        }
        _add(figure, curve, f"{curve.name} {curve.auc:.3f}", line)
    return _finish(figure)


def roc_by_model(curves: Mapping[str, RocCurve]) -> go.Figure:
    """Draw one curve for each model, by its name."""
    figure = go.Figure()
    styles = series_style(list(curves))
    for name, curve in curves.items():
        _add(figure, curve, f"{name} {curve.auc:.3f}", {**styles[name], "width": 2.5})
    return _finish(figure)


def _add(figure: go.Figure, curve: RocCurve, name: str, line: Mapping[str, object]) -> None:
    shown = _thinned(curve)
    figure.add_scatter(
        x=curve.fpr[shown],
        y=curve.tpr[shown],
        name=name,
        mode="lines",
        line=dict(line),
        hovertemplate=(
            f"true positive rate %{{y:.3f}}<br>false positive rate %{{x:.3f}}<extra>{name}</extra>"
        ),
    )


def _thinned(curve: RocCurve) -> np.ndarray:
    """Return the positions of a few hundred points, even along the curve, with both ends."""
    along = curve.fpr + curve.tpr
    wanted = np.linspace(0.0, along[-1], _POINTS)
    return np.unique(np.append(np.searchsorted(along, wanted), len(along) - 1))


def _finish(figure: go.Figure) -> go.Figure:
    figure.add_shape(
        type="line", x0=0, y0=0, x1=1, y1=1, line={"color": REFERENCE, "dash": "dot", "width": 1}
    )
    figure.update_xaxes(range=[0, 1], constrain="domain")
    figure.update_yaxes(range=[0, 1.005])
    return finish(figure, "false positive rate", "true positive rate", height=410)
