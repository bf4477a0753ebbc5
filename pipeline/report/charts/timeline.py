"""Confidences over time, a row of the chart for each face."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.style import finish
from pipeline.vision.face_prediction import FacePrediction

_MAX_POINTS = 240
_ROW_PX = 200


def timeline(faces: Sequence[FacePrediction], begin_s: float, end_s: float) -> go.Figure:
    """Draw the seven confidences over time, one face below the other.

    Args:
        faces: predictions, oldest first; at most about 240 points of each face are drawn.
        begin_s: the time at the left end, where the axis starts at 0.
        end_s: the time at the right end.
    """
    numbers = sorted({face.number for face in faces})
    figure = make_subplots(max(1, len(numbers)), 1, shared_xaxes=True, vertical_spacing=0.04)
    for row, number in enumerate(numbers, start=1):
        track = [face for face in faces if face.number == number]
        track = track[:: len(track) // _MAX_POINTS + 1]
        times = [face.time_s - begin_s for face in track]
        confidences = np.stack([face.confidences for face in track])
        for i, emotion in enumerate(EMOTIONS):
            line = go.Scatter(
                x=times,
                y=confidences[:, i].tolist(),
                name=emotion,
                legendgroup=emotion,
                mode="lines",
                line={"color": COLORS[emotion], "width": 2},
                showlegend=row == 1,
                hovertemplate=emotion + " %{y:.1%}<extra></extra>",
            )
            figure.add_trace(line, row, 1)
    finish(figure, "", "", height=60 + _ROW_PX * max(1, len(numbers)))
    for row, number in enumerate(numbers, start=1):
        figure.update_yaxes(title_text=f"face {number}", row=row, col=1)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", fixedrange=True)
    figure.update_xaxes(range=[0, max(end_s - begin_s, 1)], fixedrange=True)
    figure.update_xaxes(title_text="seconds", row=max(1, len(numbers)), col=1)
    figure.update_layout(hovermode="x")
    return figure
