"""The viewer's settings, stored for the session and applied immediately."""

import streamlit as st

from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.recognizer import Recognizer

MIN_MAP_SIDE = 5


def pick_settings(recognizer: Recognizer, detector: str) -> tuple[LiveSettings, int]:
    """Show all settings and return them.

    Args:
        recognizer: the model, whose class activation maps may be too coarse to be shown.
        detector: the chosen face detector.

    Returns:
        The settings of the processor, and the frames per second to ask of the camera.
    """
    detect, smooth, view = st.columns(3, gap="medium")
    with detect:
        smallest = st.slider(
            "Smallest face",
            min_value=40,
            max_value=200,
            value=60,
            step=10,
            format="%d px",
            key="live.smallest",
            persist_state="session",
            help="Side of the smallest face to detect, in a video of 640 × 480. Larger is faster.",
        )
        fps = st.select_slider(
            "Camera frames/s",
            (10, 15, 24, 30),
            30,
            key="live.fps",
            persist_state="session",
            help="Requested from the camera at the next START.",
        )
    with smooth:
        smoothing = st.slider(
            "Smoothing",
            min_value=0.0,
            max_value=2.0,
            value=0.4,
            step=0.1,
            format="%.1f s",
            key="live.smoothing",
            persist_state="session",
            help="Time constant over which probabilities are averaged. Longer is steadier and "
            "slower; 0 shows each frame's own prediction.",
        )
        per_s = st.slider(
            "Max. recognitions/s",
            min_value=4,
            max_value=30,
            value=16,
            step=2,
            key="live.per_s",
            persist_state="session",
            help="Frames in between are shown with the faces of the frame before.",
        )
    with view:
        mirror = st.toggle("Mirror", key="live.mirror", persist_state="session")
        bars = st.toggle("Probability bars", key="live.bars", persist_state="session")
        activation_map = _map_toggle(recognizer.map_side)
        hide = st.toggle(
            "Hide faces",
            key="live.hide",
            persist_state="session",
            help="Blurs every face, and the whole image while their positions are unknown.",
        )
    live = LiveSettings(smallest, smoothing, per_s, detector, mirror, bars, activation_map, hide)
    return live, fps


def _map_toggle(side: int) -> bool:
    fine = side >= MIN_MAP_SIDE
    shown = st.toggle(
        "Class activation map",
        key="live.map",
        persist_state="session",
        disabled=not fine,
        help="Orange regions raise the probability of the predicted emotion (Zhou et al. 2016)."
        if fine
        else "This model has no class activation map."
        if side == 0
        else f"The map of this model has {side} × {side} cells, too coarse for a face.",
    )
    return shown and fine
