"""Figures by emotion, of several models side by side."""

from collections.abc import Mapping

import plotly.graph_objects as go

from dashboard.charts.style import finish, series_style
from pipeline.evaluation.metrics import Metrics
from pipeline.labels import EMOTIONS


def f1_by_emotion(models: Mapping[str, Metrics]) -> go.Figure:
    """Draw the F1 of each emotion, one bar a model.

    Args:
        models: name → its figures; all on the same faces.
    """
    figure = go.Figure()
    styles = series_style(list(models))
    for name, metrics in models.items():
        figure.add_bar(
            x=EMOTIONS,
            y=[metrics.per_class[emotion].f1 for emotion in EMOTIONS],
            name=name,
            marker={"color": styles[name]["color"]},
            hovertemplate="F1 of %{x}: %{y:.3f}<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.05)
    figure.update_yaxes(range=[0, 1])
    return finish(figure, "emotion", "F1", height=410)
