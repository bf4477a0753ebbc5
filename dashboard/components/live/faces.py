"""The faces on screen, and the figures of the video; both refresh by themselves."""

import streamlit as st

from dashboard.components.live.face_card import face_card
from dashboard.components.plain import plain
from pipeline.vision.live import LiveProcessor

_STAGES = {
    "decode": "Decode",
    "detect": "Detect",
    "recognise": "Recognise",
    "draw": "Draw",
    "frame to faces": "Frame to faces",
}


def faces_panel(processor: LiveProcessor, playing: bool, hidden: bool) -> None:
    """Show each face on screen, in one element: each costs the video some frames.

    Args:
        processor: what works on the frames.
        playing: whether the video plays.
        hidden: show no pictures of the faces.
    """
    now = processor.snapshot()
    if now.problem:
        st.error(f"{plain(now.problem)} The video goes on, and recognition is tried again.")
    elif not playing:
        st.info("Press START and look into the camera. Each face then shows here.")
    elif not now.faces:
        st.info("Looking for a face…")
    if now.faces:
        st.html("".join(face_card(face, hidden=hidden) for face in now.faces))


def figures_panel(processor: LiveProcessor) -> None:
    """Show how the video does."""
    now = processor.snapshot()
    with st.container(horizontal=True, gap="small"):
        st.metric("Frames/s in", f"{now.frames_in_per_s:.1f}", width="content")
        st.metric("Frames/s out", f"{now.frames_out_per_s:.1f}", width="content")
        st.metric("Recognitions/s", f"{now.recognitions_per_s:.1f}", width="content")
        st.metric(
            "Dropped", f"{now.dropped:,}", width="content",
            help="Frames since START that were shown with the faces of an earlier one.",
        )  # fmt: skip
    rows = [
        f"| {name} | {spread.p50_ms:.1f} ms | {spread.p95_ms:.1f} ms |"
        for stage, name in _STAGES.items()
        if (spread := now.stages.get(stage))
    ]
    st.markdown("\n".join(["| | p50 | p95 |", "|---|--:|--:|", *rows]))
    st.caption("The video waits for decode and draw only.")
