"""What a face has shown in the last minute."""

from base64 import b64encode
from collections.abc import Sequence
from time import monotonic

import numpy as np
import streamlit as st

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.timeline import SPAN_S, Sighting, Timeline

_FACE = "live.timeline.face"
_MOST_POINTS = 120
_PICTURE = "display:block;width:100%;height:150px"
_LEGEND = "display:flex;flex-wrap:wrap;gap:2px 14px;font-size:0.8rem"
_AXIS = "display:flex;justify-content:space-between;font-size:0.8rem;opacity:0.7"


def timeline_panel(kept: Timeline, playing: bool) -> None:
    """Draw the probabilities of one face on screen lately; all in memory only."""
    recent = kept.recent()
    numbers = sorted({seen.number for seen in recent})
    if not numbers:
        if playing:
            st.caption("The last minute of each face shows here.")
        return
    if st.session_state.get(_FACE) not in numbers:
        st.session_state[_FACE] = numbers[-1]
    face: int | None = numbers[-1]
    if len(numbers) > 1:
        face = st.segmented_control("Face", numbers, key=_FACE, required=True)
    st.html(last_minute([seen for seen in recent if seen.number == face], monotonic()))


def last_minute(sightings: Sequence[Sighting], now_s: float) -> str:
    """Return a line an emotion as HTML: a chart that is drawn anew costs the video its frames.

    Args:
        sightings: of one face, oldest first, one at least; about 120 are drawn.
        now_s: the right end; the left one is a minute before.
    """
    seen = sightings[:: len(sightings) // _MOST_POINTS + 1]
    across = [100 * (1 + (each.time_s - now_s) / SPAN_S) for each in seen]
    down = 100 * (1 - np.stack([each.probabilities for each in seen]))
    lines = "".join(
        f'<polyline points="{_points(across, down[:, i])}" fill="none" stroke="{COLOURS[emotion]}" '
        'stroke-width="2" vector-effect="non-scaling-stroke"/>'
        for i, emotion in enumerate(EMOTIONS)
    )
    guides = "".join(
        f'<line x1="0" x2="100" y1="{y}" y2="{y}" stroke="#808080" stroke-opacity="0.4" '
        'vector-effect="non-scaling-stroke"/>'
        for y in (0, 50, 100)
    )
    names = "".join(
        f'<span style="white-space:nowrap"><span style="color:{COLOURS[emotion]}">━</span> '
        f"{emotion}</span>"
        for emotion in EMOTIONS
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -1 100 102" '
        f'preserveAspectRatio="none">{guides}{lines}</svg>'
    )
    svg = b64encode(drawing.encode()).decode()
    return (
        f'<div style="{_LEGEND}">{names}</div><div style="{_AXIS}"><span>100 %</span></div>'
        f'<img alt="Probabilities of face {seen[0].number} in the last minute" '
        f'style="{_PICTURE}" src="data:image/svg+xml;base64,{svg}"/>'
        f'<div style="{_AXIS}"><span>0 %, a minute ago</span><span>now</span></div>'
    )


def _points(across: Sequence[float], down: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
