"""Open the Live page or a part of it, with a stub in place of the browser's camera."""

import shutil
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pipeline.runs import Run, find_model
from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_prediction import FacePrediction
from pipeline.workspace import runs_folder
from tests.dashboard.pages import HOME

BUNDLED, OTHER = "custom_cnn", "copied"
FACE = FacePrediction(
    track_id=7,
    box=Box(0, 0, 90, 90),
    label="happy",
    confidences=np.float32([0, 0, 0, 0.85, 0, 0, 0.15]),
    probabilities=np.float32([0, 0, 0, 0.9, 0, 0, 0.1]),
    number=7,
    face_gray=np.zeros((48, 48), np.uint8),
)
UNCERTAIN_FACE = FacePrediction(
    8,
    FACE.box,
    UNCERTAIN,
    np.float32([0.3, 0.09, 0.1, 0.31, 0.1, 0.05, 0.05]),
    FACE.probabilities,
    number=8,
    face_gray=FACE.face_gray,
)


class Camera:
    """Stands in for `webrtc_streamer`.

    Attributes:
        calls: the arguments of each run that showed the video.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self._state = SimpleNamespace(playing=False, signalling=False)

    def __call__(self, key: str, **arguments: Any) -> SimpleNamespace:
        self.calls.append(arguments)
        st.session_state[key] = SimpleNamespace(state=self._state)
        return st.session_state[key]

    def play(self, playing: bool = True) -> None:
        """Let the video begin, or end."""
        self._state.playing = playing

    def signal(self, signalling: bool = True) -> None:
        """Press START, whose video has not come yet."""
        self._state.signalling = signalling


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    with mock.patch("dashboard.views.live.webrtc.webrtc_streamer", camera):
        yield camera


@pytest.fixture
def other_model(empty_workspace) -> Run:
    """A copy of the bundled model among the runs, with another temperature."""
    bundled, copy = find_model(BUNDLED), Run(runs_folder() / OTHER)
    shutil.copytree(bundled.path, copy.path)
    calibration = bundled.calibration()
    copy.write_calibration(calibration.model_copy(update={"temperature": 3.0}))
    return copy


def open_page(source: str = "Camera", model: str = BUNDLED) -> AppTest:
    """Open the whole page by its address."""
    at = AppTest.from_file(HOME, default_timeout=60).run()
    at.query_params.update(live_from=source, live_model=model)
    return go(at, "live")


def go(at: AppTest, page: str) -> AppTest:
    """Go to a page by the sidebar."""
    at.switch_page(f"app_pages/{page}.py").run()
    assert not at.exception
    return at


def open_part(source: str, model: str = BUNDLED, url: str | None = None) -> AppTest:
    """Open a part of the page alone; `model` and `detector` are in its session state.

    Args:
        source: `camera`, `photo` or `video`.
        model: the name of the model.
        url: the page's address in the browser.
    """

    def part(source: str) -> None:
        from importlib import import_module

        import streamlit as st

        from pipeline.runs import find_model

        show = getattr(import_module(f"dashboard.views.live.{source}"), f"show_{source}")
        show(find_model(st.session_state.model), st.session_state.detector)

    at = AppTest.from_function(part, args=(source,), default_timeout=60)
    at.context["url"] = url
    at.session_state.model, at.session_state.detector = model, "haar"
    return run(at)


def run(at: AppTest) -> AppTest:
    """Run the page, which must not raise."""
    at.run()
    assert not at.exception
    return at


def named(elements, label: str):
    """Return the one of some widgets that has a label."""
    return next(element for element in elements if element.label == label)


def text_of(elements) -> str:
    return "\n".join(element.value for element in elements)


def downloads(at: AppTest) -> dict[str, tuple[bytes, str]]:
    """Run the page and return label → content and file name of its downloads."""
    with mock.patch.object(st, "download_button", wraps=st.download_button) as button:
        run(at)
    found = {}
    for call in button.call_args_list:
        label, data, name = call.args[:3]
        data = data() if isinstance(data, Callable) else data
        found[label] = data.encode() if isinstance(data, str) else data, name
    return found
