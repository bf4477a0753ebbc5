"""What a face has shown in the last minute."""

from time import monotonic

import streamlit as st

from dashboard.charts.timeline import timeline
from pipeline.vision.timeline import SPAN_S, Timeline

_FACE = "live.timeline.face"


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
    now = monotonic()
    st.plotly_chart(
        timeline([seen for seen in recent if seen.number == face], now - SPAN_S, now),
        key="live.timeline", config={"displayModeBar": False},
    )  # fmt: skip
