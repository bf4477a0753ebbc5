"""The faces on screen and the rates of the video, in fragments that refresh periodically."""

import streamlit as st

from dashboard.views.live.face_cards import distribution, face_cards
from dashboard.widgets.markdown import escape_markdown
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.settings import LiveSettings

_STAGES = {
    "convert": "Convert",
    "detect": "Detect",
    "recognize": "Recognize",
    "draw": "Draw",
    "frame to faces": "Frame to faces",
}


def show_faces(processor: LiveProcessor, playing: bool, settings: LiveSettings) -> None:
    """Show each face that has been on screen for a second.

    Args:
        processor: processes the frames.
        playing: whether the video plays.
        settings: the viewer's.
    """
    now = processor.snapshot()
    listed = [face for face in now.faces if face.number]
    if now.problem:
        st.error(f"{escape_markdown(now.problem)} The video goes on and recognition retries.")
    elif not playing:
        st.info(
            "Press START and look into the camera. Each face appears here after a second. It "
            f"should take up {settings.smallest_share:.0%} or more of the video's shorter side."
        )
    elif now.loading and not listed:
        st.info("The detector is loading. On a busy machine this takes a while.")
    elif not listed:
        st.info(
            f"Looking for a face… Come closer if yours takes up less than "
            f"{settings.smallest_share:.0%} of the video's shorter side."
        )
    if now.notice:
        st.warning(escape_markdown(now.notice))
    if listed:
        st.html(face_cards(listed, hidden=settings.hide_faces))
        st.caption(distribution(settings.smoothing_s))


def show_rates(processor: LiveProcessor, playing: bool) -> None:
    """Show frames and recognitions per second, dropped frames and the time of each stage.

    Args:
        processor: processes the frames.
        playing: whether the video plays.
    """
    if not playing:
        st.caption("Frame rates and stage times are shown here while the video plays.")
        return
    now = processor.snapshot()
    with st.container(horizontal=True, gap="small"):
        st.metric("Frames/s in", f"{now.frames_in_per_s:.1f}", width="content")
        st.metric("Frames/s out", f"{now.frames_out_per_s:.1f}", width="content")
        st.metric(
            "Recognitions/s",
            f"{now.recognitions_per_s:.1f}",
            width="content",
            help="Of each face. Where there is no time for all faces of a frame, they take turns.",
        )
        st.metric(
            "Dropped",
            f"{now.dropped:,}",
            width="content",
            help="Frames since START that were shown with the faces of an earlier frame.",
        )
    rows = [
        f"| {name} | {time.p50_ms:.1f} ms | {time.p95_ms:.1f} ms |"
        for stage, name in _STAGES.items()
        if (time := now.stages.get(stage))
    ]
    st.markdown("\n".join(["| Stage | p50 | p95 |", "|---|--:|--:|", *rows]))
    st.caption("The video waits for convert and draw only.")
