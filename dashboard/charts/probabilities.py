"""The seven probabilities of one face."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import finish
from pipeline.labels import COLOURS, EMOTIONS


def probability_bars(probabilities: NDArray[np.float32]) -> go.Figure:
    """Draw a bar an emotion, float32 (7,), on a fixed scale, so that refreshes can be compared."""
    figure = go.Figure(
        go.Bar(
            x=[float(value) for value in probabilities],
            y=EMOTIONS,
            orientation="h",
            marker_color=[COLOURS[emotion] for emotion in EMOTIONS],
            text=[f"{value:.1%}" for value in probabilities],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    finish(figure, "", "", height=180, legend=False)
    figure.update_layout(margin={"l": 0, "r": 48, "t": 0, "b": 0}, bargap=0.25)
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticksuffix=" ")
    return figure
