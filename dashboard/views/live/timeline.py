"""The confidences of one face in the last minute."""

from base64 import b64encode
from collections.abc import Sequence
from time import monotonic

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.timeline import WINDOW_S, Timeline

_FACE = "live.timeline.face"
_MAX_POINTS = 120
_CHART = "display:block;width:100%;height:150px"
_LEGEND = "display:flex;flex-wrap:wrap;gap:2px 14px;font-size:0.8rem"
_AXIS = "display:flex;justify-content:space-between;font-size:0.8rem;opacity:0.7"


def show_timeline(timeline: Timeline, playing: bool) -> None:
    """Draw the confidences of one face; if there are several, the user chooses one."""
    recent = timeline.recent()
    numbers = sorted({face.number for face in recent})
    if not numbers:
        if playing:  # as high as it will be with a face, so that nothing below moves then
            st.html(_chart([], monotonic()))
        return
    if st.session_state.get(_FACE) not in numbers:
        st.session_state[_FACE] = numbers[-1]
    chosen: int | None = numbers[-1]
    if len(numbers) > 1:
        chosen = st.segmented_control("Face", numbers, key=_FACE, required=True)
    st.html(_chart([face for face in recent if face.number == chosen], monotonic()))


def _chart(track: Sequence[FacePrediction], now_s: float) -> str:
    """Return HTML with a line for each emotion: plotly would cost the video frames.

    Args:
        track: predictions of one face, oldest first; about 120 are shown.
        now_s: the right end; the left end is a minute before.
    """
    shown = track[:: len(track) // _MAX_POINTS + 1]
    xs = [100 * (1 + (face.time_s - now_s) / WINDOW_S) for face in shown]
    ys = 100 * (1 - np.array([face.confidences for face in shown]).reshape(-1, len(EMOTIONS)))
    lines = "".join(
        f'<polyline points="{_points(xs, ys[:, i])}" fill="none" stroke="{COLORS[emotion]}" '
        'stroke-width="2" vector-effect="non-scaling-stroke"/>'
        for i, emotion in enumerate(EMOTIONS)
    )
    whose = f"Confidences of face {shown[0].number}" if shown else "No face"
    grid = "".join(
        f'<line x1="0" x2="100" y1="{y}" y2="{y}" stroke="#808080" stroke-opacity="0.4" '
        'vector-effect="non-scaling-stroke"/>'
        for y in (0, 50, 100)
    )
    legend = "".join(
        f'<span style="white-space:nowrap"><span style="color:{COLORS[emotion]}">━</span> '
        f"{emotion}</span>"
        for emotion in EMOTIONS
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -1 100 102" '
        f'preserveAspectRatio="none">{grid}{lines}</svg>'
    )
    return (
        f'<div style="{_LEGEND}">{legend}</div><div style="{_AXIS}"><span>100%</span></div>'
        f'<img alt="{whose} in the last minute" '
        f'style="{_CHART}" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"/>'
        f'<div style="{_AXIS}"><span>0%, a minute ago</span><span>now</span></div>'
    )


def _points(xs: Sequence[float], ys: NDArray[np.float32]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
