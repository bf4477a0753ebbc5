"""What faces showed over time."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.style import finish
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.timeline import Sighting

_MOST_POINTS = 240
_ROW_PX = 200


def timeline(sightings: Sequence[Sighting], begin_s: float, end_s: float) -> go.Figure:
    """Draw the seven probabilities over time, faces one below the other.

    Args:
        sightings: oldest first; of long ones about 240 a face are drawn.
        begin_s: the time at the left end, where the axis begins with 0.
        end_s: the time at the right end.
    """
    numbers = sorted({seen.number for seen in sightings})
    figure = make_subplots(max(1, len(numbers)), 1, shared_xaxes=True, vertical_spacing=0.04)
    for row, number in enumerate(numbers, start=1):
        seen = [each for each in sightings if each.number == number]
        seen = seen[:: len(seen) // _MOST_POINTS + 1]
        times = [each.time_s - begin_s for each in seen]
        shares = np.stack([each.probabilities for each in seen])
        for i, emotion in enumerate(EMOTIONS):
            line = go.Scatter(
                x=times, y=shares[:, i].tolist(), name=emotion, legendgroup=emotion,
                mode="lines", line={"color": COLOURS[emotion], "width": 2}, showlegend=row == 1,
                hovertemplate=emotion + " %{y:.1%}<extra></extra>",
            )  # fmt: skip
            figure.add_trace(line, row, 1)
    finish(figure, "", "", height=60 + _ROW_PX * max(1, len(numbers)))
    for row, number in enumerate(numbers, start=1):
        figure.update_yaxes(title_text=f"face {number}", row=row, col=1)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", fixedrange=True)
    figure.update_xaxes(range=[0, max(end_s - begin_s, 1)], fixedrange=True)
    figure.update_xaxes(title_text="seconds", row=max(1, len(numbers)), col=1)
    figure.update_layout(hovermode="x")
    return figure
