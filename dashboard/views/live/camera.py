"""Live video with recognized faces, timeline, settings and export."""

import sys
from pathlib import Path

import cv2
import numpy as np
import streamlit as st

from dashboard import resources
from dashboard.views.live.export import has_export, show_export
from dashboard.views.live.faces import show_faces, show_rates
from dashboard.views.live.phone_code import show_phone_code
from dashboard.views.live.presenter import presenter_css, presenting, show_leave, show_presenter
from dashboard.views.live.settings import CameraSettings, pick_settings
from dashboard.views.live.timeline import show_timeline
from dashboard.views.live.webrtc import keep_focus, show_help, show_stop, stream_camera
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.heaps import limit_heaps
from pipeline.runs import Run
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.viewer_slots import ViewerSlots
from pipeline.vision.recognizer import Recognizer

# Process-wide: detection on two threads would delay the video, which needs a core of its own.
cv2.setNumThreads(1)
limit_heaps()
# Process-wide, too: a frame needs the interpreter a dozen times, and would wait for up to 5 ms each
# time while a page is drawn.
sys.setswitchinterval(0.0005)

_CSS = Path(__file__).with_name("live.css")
_REFRESH_S = 1.0
_SLOW_REFRESH_S = 3.0
_PROCESSOR = "live.processor"
_RECOGNIZER = "live.recognizer"


def show_camera(model: Run, detector: str) -> None:
    """Show the video beside its settings and faces, with timeline, performance and export below.

    Args:
        model: may be changed while the video plays.
        detector: the face detector's name.
    """
    state = st.session_state
    st.html(f"<style>{_CSS.read_text()}{presenter_css()}</style>")
    notice = st.container()  # always there: a video that moves on the page would stop
    try:
        state[_RECOGNIZER] = _warm_recognizer(model)
    except UserError as error:
        with notice:
            show_error(error)
        if _RECOGNIZER not in state:
            return
    recognizer: Recognizer = state[_RECOGNIZER]  # the previous one if the new one fails
    if _PROCESSOR not in state:
        state[_PROCESSOR] = LiveProcessor(recognizer, slots=resources.viewer_slots())
    processor: LiveProcessor = state[_PROCESSOR]
    processor.set_recognizer(recognizer)
    video, side = st.columns([3, 2], gap="medium")
    with side, st.container(key="live_settings"), st.expander("Settings", icon=":material/tune:"):
        settings, camera = pick_settings(recognizer, detector, large=presenting())
        processor.set_settings(settings)
    with video:
        playing = _show_video(processor, camera)
    # What lies below is always there, and empty in presenter mode: an expander that goes comes back
    # folded, and a press meets what has taken its place. A busy browser, too, says now and then
    # that the video does not play.
    seen = not presenting()
    with side, st.container():
        if playing is not None and seen:
            every = _REFRESH_S if playing else None
            st.fragment(show_faces, run_every=every)(processor, playing, settings)
    every = _SLOW_REFRESH_S if playing else None
    with st.container():
        if seen:
            st.fragment(show_timeline, run_every=every)(processor.timeline, bool(playing))
    with st.expander("Performance", icon=":material/speed:", key="live_performance"):
        if seen:
            st.fragment(show_rates, run_every=every)(processor, bool(playing))
    recording = processor.timeline.recording
    # It is drawn again after STOP, when what is recorded must not be hidden.
    opened = recording or has_export(processor)
    with st.expander("Record and export", opened, icon=":material/download:", key="live_export"):
        if seen:
            every = _SLOW_REFRESH_S if recording else None
            st.fragment(show_export, run_every=every)(processor, bool(playing), recording)


def _show_video(processor: LiveProcessor, camera: CameraSettings) -> bool | None:
    """Show the video and return whether it plays; None if there is no viewer slot for it."""
    slots = resources.viewer_slots()
    if slots.full and not slots.has_slot(processor):
        st.warning(
            f"All {slots.limit} viewer slots are in use: the server limits them so that each "
            "video stays smooth. Try again later, or use a photo.",
            icon=":material/group:",
        )
        st.fragment(_retry, run_every=_SLOW_REFRESH_S)(slots)
        return None
    with st.container(key="live_video"):
        playing = stream_camera(processor, camera, fill=presenting())
        show_leave()
    with st.container(horizontal=True, key="live_buttons"):
        show_stop()
        if playing:
            show_presenter()
    if not presenting():  # what it shows again acts again: the page is back where the video is
        keep_focus()
    if not playing:
        show_help()
        show_phone_code()
    return playing


def _retry(slots: ViewerSlots) -> None:
    if st.button("Try again", icon=":material/refresh:") or not slots.full:
        st.rerun()


def _warm_recognizer(model: Run) -> Recognizer:
    """Return a recognizer after its first inference, which takes longest.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    recognizer = resources.recognizer(model)
    recognizer.predict(np.zeros((1, 48, 48), np.uint8))
    return recognizer
