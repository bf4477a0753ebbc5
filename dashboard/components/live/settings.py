"""What a viewer may choose: kept for the session, and in force at once."""

from dataclasses import dataclass

import streamlit as st

from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings

FINEST_MAP = 5


@dataclass(frozen=True)
class Chosen:
    """What was chosen.

    Attributes:
        live: for the processor.
        camera_fps: frames a second to ask of the camera.
    """

    live: LiveSettings
    camera_fps: int


def settings_panel(recognizer: Recognizer, detector: str) -> Chosen:
    """Show all choices and return what they stand at.

    Args:
        recognizer: the model, whose maps may be too coarse to be shown.
        detector: the chosen face detector.
    """
    find, follow, show = st.columns(3, gap="medium")
    with find:
        smallest = st.slider(
            "Smallest face", *(40, 200, 60, 10), format="%d px", key="live.smallest",
            persist_state="session",
            help="Side of the smallest face looked for, in a video of 640 by 480. Larger is "
            "faster.",
        )  # fmt: skip
        fps = st.select_slider(
            "Camera's frames/s", (10, 15, 24, 30), 30, key="live.fps", persist_state="session",
            help="What is asked of the camera, from the next START on.",
        )  # fmt: skip
    with follow:
        smoothing = st.slider(
            "Smoothing", *(0.0, 2.0, 0.4, 0.1), format="%.1f s", key="live.smoothing",
            persist_state="session",
            help="Time over which the probabilities are averaged. Longer is calmer, and slower; "
            "0 shows every picture for itself.",
        )  # fmt: skip
        per_s = st.slider(
            "Recognitions/s, at most", *(4, 30, 16, 2), key="live.per_s", persist_state="session",
            help="Frames between carry the faces of the one before.",
        )  # fmt: skip
    with show:
        mirror = st.toggle("Mirror", key="live.mirror", persist_state="session")
        bars = st.toggle("Probability bars", key="live.bars", persist_state="session")
        explains = _map_toggle(recognizer.map_side)
        hide = st.toggle(
            "Hide faces", key="live.hide", persist_state="session",
            help="Blurs every face, and the whole picture while it is not known where they are.",
        )  # fmt: skip
    live = LiveSettings(smallest, smoothing, per_s, detector, mirror, bars, explains, hide)
    return Chosen(live, fps)


def _map_toggle(side: int) -> bool:
    fine = side >= FINEST_MAP
    shown = st.toggle(
        "Class activation map", key="live.map", persist_state="session", disabled=not fine,
        help="Warm is what speaks for the emotion (Zhou et al. 2016)."
        if fine
        else f"This model's map has {side} × {side} cells: too coarse to say anything of a face.",
    )  # fmt: skip
    return shown and fine
