"""The faces on screen and the rates of the video, in fragments that refresh periodically."""

import streamlit as st

from dashboard.widgets.markdown import escape_markdown
from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.face_images import data_uri
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.processor import LiveProcessor

_STAGES = {
    "decode": "Decode",
    "detect": "Detect",
    "recognize": "Recognize",
    "draw": "Draw",
    "frame to faces": "Frame to faces",
}
_CARD = (
    "border:1px solid rgba(128,128,128,0.35);border-radius:0.5rem;padding:0.75rem 1rem;"
    "margin-bottom:0.75rem"
)
_COLUMNS = "display:flex;gap:1rem;align-items:center;margin-top:0.5rem"
_IMAGE = "width:96px;height:96px;image-rendering:pixelated;border-radius:4px"
_BARS = (
    "flex:1;display:grid;grid-template-columns:max-content 1fr;gap:2px 8px;align-items:center;"
    "font-size:0.8rem;line-height:1.25"
)


def show_faces(processor: LiveProcessor, playing: bool, hidden: bool) -> None:
    """Show each face on screen, all in one element: each element costs the video some frames.

    Args:
        processor: processes the frames.
        playing: whether the video plays.
        hidden: show no images of the faces.
    """
    now = processor.snapshot()
    if now.problem:
        st.error(f"{escape_markdown(now.problem)} The video goes on and recognition retries.")
    elif not playing:
        st.info("Press START and look into the camera. Each face appears here.")
    elif not now.faces:
        st.info("Looking for a face…")
    if now.faces:
        st.html("".join(_face_card(face, hidden=hidden) for face in now.faces))


def show_rates(processor: LiveProcessor) -> None:
    """Show frames and recognitions per second, dropped frames and the time of each stage."""
    now = processor.snapshot()
    with st.container(horizontal=True, gap="small"):
        st.metric("Frames/s in", f"{now.frames_in_per_s:.1f}", width="content")
        st.metric("Frames/s out", f"{now.frames_out_per_s:.1f}", width="content")
        st.metric("Recognitions/s", f"{now.recognitions_per_s:.1f}", width="content")
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
    st.caption("The video waits for decode and draw only.")


def _face_card(face: FacePrediction, *, hidden: bool) -> str:
    """Return HTML: label and confidence, the model's input at twice its size, seven bars."""
    confidence = "" if face.label == UNCERTAIN else f", confidence {face.confidence:.0%}"
    image = ""
    if face.face_gray is not None and not hidden:
        text = f"The image the model sees of face {face.track_id}"
        image = f'<img alt="{text}" style="{_IMAGE}" src="{data_uri(face.face_gray)}"/>'
    bars = "".join(
        f'<span>{emotion}</span><span style="display:flex;align-items:center;gap:6px">'
        f'<span style="width:{80 * probability:.1f}%;height:11px;min-width:1px;border-radius:2px;'
        f'background:{COLORS[emotion]}"></span>{probability:.1%}</span>'
        for emotion, probability in zip(EMOTIONS, face.probabilities, strict=True)
    )
    return (
        f'<div style="{_CARD}"><div><b>Face {face.track_id}</b> · {face.label}{confidence}</div>'
        f'<div style="{_COLUMNS}">{image}<div style="{_BARS}">{bars}</div></div></div>'
    )
