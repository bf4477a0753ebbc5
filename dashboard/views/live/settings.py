"""The viewer's settings, which are in the address and apply immediately."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.recognizer import Recognizer

MIN_MAP_SIDE = 5
_SLIDER_WIDTH_PX = 150  # two fit beside each other
_FACING = {"Front": "user", "Rear": "environment"}


@dataclass(frozen=True)
class CameraSettings:
    """What to ask of the browser's camera.

    Attributes:
        fps: frames per second.
        facing: `user` or `environment`, which phones and tablets have.
    """

    fps: int = 30
    facing: str = "user"

    def constraints(self) -> dict[str, Any]:
        """Return them as the browser's constraints of a video."""
        facing = {"ideal": self.facing}
        # Without resizeMode a browser cuts the image of a camera that is upright.
        size = {"width": 640, "height": 480, "resizeMode": "none"}
        return {**size, "frameRate": self.fps, "facingMode": facing}


def pick_settings(
    recognizer: Recognizer, detector: str, *, large: bool
) -> tuple[LiveSettings, CameraSettings]:
    """Show all settings and return them.

    Args:
        recognizer: the model, whose class activation maps may be too coarse to be shown.
        detector: the chosen face detector.
        large: whether labels are large.

    Returns:
        The settings of the processor, and those of the camera.
    """
    facing, mirror = _pick_view()
    with st.container(horizontal=True):
        bars = st.toggle(
            "Probability bars",
            key="live_bars",
            bind="query-params",
            help="Draws the confidence of each emotion beside the face.",
        )
        activation_map = _map_toggle(recognizer.map_side)
        hide = st.toggle(
            "Hide faces",
            key="live_hide",
            bind="query-params",
            help="Blurs every face, and the whole image while their positions are unknown.",
        )
    with st.container(horizontal=True):
        smallest = st.slider(
            "Smallest face",
            min_value=40,
            max_value=200,
            value=60,
            step=10,
            format="%d px",
            key="live_smallest",
            bind="query-params",
            width=_SLIDER_WIDTH_PX,
            help="Faces with a shorter side are not searched for, in a video of 640 × 480. A "
            "larger value takes less time.",
        )
        smoothing = st.slider(
            "Smoothing",
            min_value=0.0,
            max_value=2.0,
            value=0.4,
            step=0.1,
            format="%.1f s",
            key="live_smoothing",
            bind="query-params",
            width=_SLIDER_WIDTH_PX,
            help="Time constant over which probabilities are averaged. Longer is steadier and "
            "slower; 0 shows each frame's own prediction.",
        )
        per_s = st.slider(
            "Max. recognitions/s",
            min_value=4,
            max_value=30,
            value=16,
            step=2,
            key="live_per_s",
            bind="query-params",
            width=_SLIDER_WIDTH_PX,
            help="Frames in between are shown with the faces of the frame before. Fewer leave the "
            "processor more time for the video.",
        )
        fps = st.select_slider(
            "Camera frames/s",
            (10, 15, 24, 30),
            30,
            key="live_fps",
            bind="query-params",
            width=_SLIDER_WIDTH_PX,
            help="Fewer need less bandwidth. Asked of the camera at the next START.",
        )
    live = LiveSettings(
        smallest, smoothing, per_s, detector, mirror, bars, activation_map, hide, large
    )
    return live, CameraSettings(fps, _FACING[facing])


def _pick_view() -> tuple[str, bool]:
    """Return the camera, and whether its video is mirrored: at first if it faces the user."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        facing = st.segmented_control(
            "Camera",
            list(_FACING),
            default="Front",
            required=True,
            key="live_facing",
            bind="query-params",
            help="Phones have both. The front one faces you, and its video is mirrored. Asked of "
            "the browser at the next START.",
        )
        mirror = st.toggle(
            "Mirror",
            value=facing == "Front",
            key=f"live_mirror_{facing}",
            bind="query-params",
            help="Shows you as a mirror does. The model sees the faces as the camera does.",
        )
    return facing, mirror


def _map_toggle(side: int) -> bool:
    fine = side >= MIN_MAP_SIDE
    shown = st.toggle(
        "Class activation map",
        key="live_map",
        bind="query-params",
        disabled=not fine,
        help="Orange regions raise the probability of the predicted emotion (Zhou et al. 2016)."
        if fine
        else "This model has no class activation map."
        if side == 0
        else f"The map of this model has {side} × {side} cells, too coarse for a face.",
    )
    return shown and fine
