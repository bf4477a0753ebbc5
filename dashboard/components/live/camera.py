"""The camera's video through a model, and all that belongs to it."""

import cv2
import numpy as np
import streamlit as st

from dashboard import resources
from dashboard.components.live.faces import faces_panel, figures_panel
from dashboard.components.live.memory import share_heaps
from dashboard.components.live.recording import recording_panel
from dashboard.components.live.settings import settings_panel
from dashboard.components.live.timeline import timeline_panel
from dashboard.components.live.webcam import show_help, webcam
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.vision.live import LiveProcessor
from pipeline.vision.places import Places
from pipeline.vision.recognizer import Recognizer

# Process-wide: a detection on two threads holds up the video, which needs a core of its own.
cv2.setNumThreads(1)
share_heaps()

_REFRESH_S = 1.0
_SLOWLY_S = 3.0
_PROCESSOR = "live.processor"
_RECOGNIZER = "live.recognizer"


def camera_panel(model: Run, detector: str) -> None:
    """Show the video beside its faces, with the timeline below, then the settings and a recording.

    Args:
        model: whose recognitions are shown; another one may be chosen while the video plays.
        detector: the face detector's name.
    """
    state = st.session_state
    notice = st.container()  # always there: a video whose place on the page changes would stop
    try:
        state[_RECOGNIZER] = _warmed(model)
    except UserError as error:
        notice.error(str(error), icon=":material/error:")
        if _RECOGNIZER not in state:
            return
    recognizer: Recognizer = state[_RECOGNIZER]  # a video that plays goes on with the one before
    if _PROCESSOR not in state:
        state[_PROCESSOR] = LiveProcessor(recognizer, places=resources.viewer_places())
    processor: LiveProcessor = state[_PROCESSOR]
    processor.use(recognizer)
    video, faces = st.columns([3, 2], gap="medium")
    settings, recording = st.tabs([":material/tune: Settings", ":material/download: Take along"])
    with settings:
        chosen = settings_panel(recognizer, detector)
        processor.configure(chosen.live)
    with video:
        playing = _video(processor, chosen.camera_fps)
    with faces:
        if playing is not None:
            every = _REFRESH_S if playing else None
            show = st.fragment(faces_panel, run_every=every)
            show(processor, playing, chosen.live.hide_faces)
        if playing:
            st.fragment(figures_panel, run_every=_SLOWLY_S)(processor)
    with video:
        every = _SLOWLY_S if playing else None
        st.fragment(timeline_panel, run_every=every)(processor.timeline, bool(playing))
    with recording:
        every = _SLOWLY_S if processor.timeline.recording else None
        st.fragment(recording_panel, run_every=every)(processor, bool(playing))


def _video(processor: LiveProcessor, camera_fps: int) -> bool | None:
    """Show the video and tell whether it plays; or say that there is no place for one: None."""
    places = resources.viewer_places()
    if places.full and not places.holds(processor):
        st.warning(
            f"All {places.limit} places of this server are taken, so that each video stays "
            "smooth: look again in a while, or take a photo.",
            icon=":material/group:",
        )
        st.fragment(_look_again, run_every=_SLOWLY_S)(places)
        return None
    playing = webcam(processor, camera_fps)
    if not playing:
        show_help()
    return playing


def _look_again(places: Places) -> None:
    if st.button("Look again", icon=":material/refresh:") or not places.full:
        st.rerun()


def _warmed(model: Run) -> Recognizer:
    """Return a recognizer that has recognised once: the first time takes longest.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    recognizer = resources.recognizer(model)
    recognizer.predict(np.zeros((1, 48, 48), np.uint8))
    return recognizer
