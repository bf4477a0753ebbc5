"""Live: faces on the browser's camera, or in a photo, and what a model makes of them."""

import numpy as np
import streamlit as st

from dashboard import resources
from dashboard.components.face_card import face_card
from dashboard.components.model_picker import pick_model
from dashboard.components.photo import photo_panel
from dashboard.components.webcam import HELP, webcam
from pipeline.errors import UserError
from pipeline.runs import Run, list_models
from pipeline.vision.live import LiveProcessor
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings

REFRESH_S = 0.5


def main() -> None:
    """Lay the page out: model, video beside faces, and below what else there is."""
    st.title("Emotion Detector")
    st.caption(
        "Finds the faces on your camera and names the emotion each one shows. Pictures are worked "
        "on in memory: nothing is stored."
    )
    models = list_models()
    if not models:
        st.info("There is no trained model yet. Train one, then try it here.")
        st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        model = pick_model("live", models)
        try:
            recognizer, processor = _open(model)
        except UserError as error:
            st.error(str(error))
            return
        playing = webcam(processor)
        every = REFRESH_S if playing else None
        st.fragment(_figures, run_every=every)(processor)
    with right:
        st.fragment(_faces, run_every=every)(processor, playing)
    settings, photo, cure = st.tabs(["Settings", "Use a photo", "The camera does not start"])
    with settings:
        processor.configure(_settings())
    with photo:
        photo_panel(recognizer)
    with cure:
        st.markdown(HELP)


def _open(model: Run) -> tuple[Recognizer, LiveProcessor]:
    """Return this session's recognizer and processor of a model, warmed before START can show."""
    state = st.session_state
    opened = (model.name, model.openvino_path.stat().st_mtime)
    if state.get("live_model_opened") != opened:
        recognizer = resources.recognizer(model)
        recognizer.predict(np.zeros((1, 48, 48), np.uint8))
        if "live_processor" in state:
            state.live_processor.stop()
        state.live_recognizer, state.live_processor = recognizer, LiveProcessor(recognizer)
        state.live_model_opened = opened
    return state.live_recognizer, state.live_processor


def _settings() -> LiveSettings:
    left, right = st.columns(2, gap="medium")
    smallest = left.slider(
        "Smallest face",
        *(40, 200, 60, 10),
        format="%d px",
        help="Side of the smallest face looked for, in a video of 640 by 480. Larger is faster.",
    )
    smoothing = right.slider(
        "Smoothing",
        *(0.0, 2.0, 0.4, 0.1),
        format="%.1f s",
        help="Time over which the probabilities are averaged. Longer is calmer, and slower.",
    )
    return LiveSettings(smallest_face=smallest, smoothing_s=smoothing)


def _faces(processor: LiveProcessor, playing: bool) -> None:
    snapshot = processor.snapshot()
    if snapshot.problem:
        st.error(f"{snapshot.problem} The video goes on, and recognition is tried again.")
    elif not playing:
        st.info("Press START and look into the camera. Each face then shows here.")
    elif not snapshot.faces:
        st.info("Looking for a face…")
    for face in snapshot.faces:
        title = f"**Face {face.number}** · {face.emotion}"
        face_card(title, face.picture, face.probabilities, key=f"face_{face.number}")


def _figures(processor: LiveProcessor) -> None:
    now = processor.snapshot()
    ms = {name: f"{value:.1f} ms" for name, value in now.stage_ms.items()}
    with st.container(horizontal=True, gap="small"):
        st.metric("Frames/s", f"{now.frames_per_s:.1f}", width="content")
        st.metric(
            "Recognitions/s",
            f"{now.recognitions_per_s:.1f}",
            width="content",
            help="At most 15: frames between carry the faces of the one before.",
        )
        st.metric("Detect", ms.get("detect", "–"), width="content")
        st.metric("Recognise", ms.get("recognise", "–"), width="content")
        st.metric(
            "Draw", ms.get("draw", "–"), width="content", help="The video waits only for this."
        )
        st.metric(
            "Dropped",
            f"{now.dropped:,}",
            width="content",
            help="Frames shown but not looked at, since START.",
        )


main()
