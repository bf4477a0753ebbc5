"""The Live page as a viewer meets it: its states, and the model that it shows."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.components.plain import plain
from pipeline.runs import find_model, list_models
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.meters import Spread
from pipeline.vision.reader import ShownFace
from pipeline.vision.snapshot import Snapshot
from pipeline.workspace import PROJECT

HOME = str(PROJECT / "dashboard" / "Home.py")
FACE = ShownFace(
    number=7,
    box=Box(0, 0, 90, 90),
    emotion="happy",
    probabilities=np.float32([0, 0, 0, 0.9, 0, 0, 0.1]),
    confidence=0.85,
    picture=np.zeros((48, 48), np.uint8),
)
UNDECIDED = ShownFace(8, FACE.box, None, FACE.probabilities, 0.31, FACE.picture)
SHIPPED = "custom_cnn"


class Camera:
    """Stands in for `webrtc_streamer`.

    Attributes:
        asked: the arguments of each run that showed the video.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._state = SimpleNamespace(playing=False)

    def __call__(self, key: str, **arguments: Any) -> SimpleNamespace:
        self.asked.append(arguments)
        st.session_state[key] = SimpleNamespace(state=self._state)
        return st.session_state[key]

    def play(self, playing: bool = True) -> None:
        """Press START, or STOP."""
        self._state.playing = playing


def stand_in_camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    camera = Camera()
    monkeypatch.setattr("dashboard.components.live.webcam.webrtc_streamer", camera)
    return camera


@pytest.fixture
def camera(monkeypatch) -> Camera:
    return stand_in_camera(monkeypatch)


@pytest.fixture
def own_workspace(trained, empty_workspace) -> Path:
    """A copy of the trained workspace that a test may damage."""
    return Path(shutil.copytree(trained, empty_workspace))


def live_page(
    source: str = "Camera", model: str = SHIPPED, url: str | None = None, **secrets: Any
) -> AppTest:
    """Open the page by its address.

    Args:
        source: one of its sources.
        model: the name of the model.
        url: the page's address in the browser.
        secrets: as in `secrets.toml`.
    """
    at = AppTest.from_file(HOME, default_timeout=60)
    at.context["url"] = url
    at.secrets.update(secrets)
    at.run()
    at.query_params.update(live_from=source, live_model=model)
    return go(at, "live")


def go(at: AppTest, page: str) -> AppTest:
    """Go to a page by the sidebar."""
    at.switch_page(f"app_pages/{page}.py").run()
    assert not at.exception
    return at


def named(elements, label: str):
    """Return the one of some widgets that has a label."""
    return next(element for element in elements if element.label == label)


def pick_model(at: AppTest, name: str) -> None:
    at.selectbox("live_model").set_value(name).run()
    assert not at.exception


def shows(at: AppTest, snapshot: Snapshot) -> AppTest:
    with mock.patch.object(LiveProcessor, "snapshot", return_value=snapshot):
        at.run()
    assert not at.exception
    return at


def offered(at: AppTest) -> dict[str, tuple[bytes, str]]:
    """Run the page and return what its downloads hold, and the files' names."""
    with mock.patch.object(st, "download_button", wraps=st.download_button) as button:
        at.run()
    assert not at.exception
    found = {}
    for call in button.call_args_list:
        label, data, name = call.args[:3]
        data = data() if callable(data) else data
        found[label] = data.encode() if isinstance(data, str) else data, name
    return found


def texts(at: AppTest) -> str:
    return "\n".join(text.value for text in at.markdown)


def cards(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def run_name() -> str:
    """Return the name of the trained run, which stands beside the shipped models."""
    return next(model.name for model in list_models() if not model.shipped)


def test_without_a_model_the_page_offers_to_train_one(monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path)
    at = live_page()
    assert "no trained model" in at.info[0].value
    assert at.get("page_link")[0].proto.label == "Train a model"
    assert not at.selectbox and not at.segmented_control and not at.metric


def test_with_a_model_it_says_how_to_begin_and_that_nothing_is_stored(filled_workspace):
    with mock.patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
        at = live_page()
    assert at.selectbox("live_model").options == [model.name for model in list_models()]
    assert "Press START" in at.info[0].value
    assert "nothing is stored" in at.caption[0].value
    assert len(at.get("component_instance")) == 1  # the real component takes what it is given
    assert not at.metric and not at.error and not at.warning


def test_while_no_face_is_there_it_is_looking_for_one(filled_workspace, camera):
    camera.play()
    at = live_page()
    assert "Looking for a face" in at.info[0].value


def test_faces_are_shown_with_their_label_and_how_sure_it_is(filled_workspace, camera):
    camera.play()
    at = shows(live_page(), Snapshot((FACE, UNDECIDED)))
    assert "<b>Face 7</b> · happy, 85% sure<" in cards(at)
    assert "<b>Face 8</b> · uncertain<" in cards(at) and "31%" not in cards(at)
    assert cards(at).count("<img") == 2
    assert not at.info


def test_hidden_faces_show_no_picture(filled_workspace, camera):
    camera.play()
    at = live_page()
    named(at.toggle, "Hide faces").set_value(True)
    shows(at, Snapshot((FACE,)))
    assert "happy" in cards(at)
    assert "<img" not in cards(at)


def test_the_figures_of_the_video_are_shown_while_it_plays(filled_workspace, camera):
    names = ["decode", "detect", "recognise", "draw", "frame to faces"]
    stages = {name: Spread(i + 0.25, 10 * i + 0.75) for i, name in enumerate(names, start=1)}
    snapshot = Snapshot((FACE,), True, 29.6, 24.2, 14.9, stages, 1234)
    at = shows(live_page(), snapshot)
    assert not at.metric

    camera.play()
    shows(at, snapshot)
    assert {metric.label: metric.value for metric in at.metric} == {
        "Frames/s in": "29.6",
        "Frames/s out": "24.2",
        "Recognitions/s": "14.9",
        "Dropped": "1,234",
    }
    table = next(text.value for text in at.markdown if "p95" in text.value)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert rows[0] == ["", "p50", "p95"]
    assert rows[2:] == [
        ["Decode", "1.2 ms", "10.8 ms"],
        ["Detect", "2.2 ms", "20.8 ms"],
        ["Recognise", "3.2 ms", "30.8 ms"],
        ["Draw", "4.2 ms", "40.8 ms"],
        ["Frame to faces", "5.2 ms", "50.8 ms"],
    ]


def test_stages_that_did_not_come_yet_are_left_out(filled_workspace, camera):
    camera.play()
    at = shows(live_page(), Snapshot(stages={"draw": Spread(1.0, 2.0)}))
    assert "Draw" in texts(at) and "Detect" not in texts(at)


def test_a_problem_of_the_worker_is_shown_as_a_sentence(filled_workspace, camera):
    camera.play()
    problem = "Recognition fails: RuntimeError: no *cascade*."
    at = shows(live_page(), Snapshot(problem=problem))
    (error,) = at.error
    assert error.value.startswith(plain(problem))
    assert not at.info


def test_another_model_reaches_the_running_video_without_a_break(filled_workspace, camera):
    camera.play()
    at = live_page()
    processor = at.session_state["live.processor"]
    with mock.patch.object(LiveProcessor, "use") as use:
        at.run()
        pick_model(at, run_name())
        at.run()
        pick_model(at, SHIPPED)
    first, trained, again, back = (call.args[0] for call in use.call_args_list)
    assert trained.same_model(again) and first.same_model(back)
    assert not trained.same_model(first)
    assert at.session_state["live.processor"] is processor
    assert {asked["video_frame_callback"] for asked in camera.asked} == {processor.recv}
    assert not at.warning and not at.error


def test_the_processor_takes_a_model_over_only_where_it_is_another(filled_workspace, camera):
    at = live_page()
    processor = at.session_state["live.processor"]
    before = processor._plan.recognizer
    at.run()
    assert processor._plan.recognizer is before
    pick_model(at, run_name())
    assert not processor._plan.recognizer.same_model(before)


@pytest.mark.parametrize("file", ["model.xml", "model.bin"])
def test_a_damaged_model_is_told_of_and_the_one_before_stays(own_workspace, camera, file):
    damaged = find_model(run_name())
    path = damaged.openvino_path.with_name(file)
    path.write_bytes(path.read_bytes()[:1000])
    camera.play()
    at = live_page()
    processor, before = (at.session_state[f"live.{key}"] for key in ("processor", "recognizer"))

    pick_model(at, damaged.name)
    (error,) = at.error
    assert f"'{damaged.name}' is missing or damaged" in error.value and "\n" not in error.value
    assert at.session_state["live.processor"] is processor
    assert at.session_state["live.recognizer"] is before
    assert len(camera.asked) == 2


def test_a_damaged_model_without_one_before_shows_no_video(own_workspace, camera):
    damaged = find_model(run_name())
    damaged.openvino_path.write_text("<net>")
    at = live_page(model=damaged.name)
    assert f"'{damaged.name}' is missing or damaged" in at.error[0].value
    assert not camera.asked
    pick_model(at, SHIPPED)
    assert not at.error and len(camera.asked) == 1


def test_a_removed_model_is_told_of_and_another_goes_on(own_workspace, camera):
    run = find_model(run_name())
    camera.play()
    at = live_page(model=run.name)
    processor = at.session_state["live.processor"]
    shutil.rmtree(run.path)

    at.run()
    (warning,) = at.warning
    assert warning.value.startswith(f"'{plain(run.name)}' is gone; {plain(SHIPPED)} goes on")
    assert at.session_state["live.processor"] is processor
    assert len(camera.asked) == 2
    at.run()
    assert not at.warning and not at.exception


def test_without_the_last_model_the_page_offers_to_train_one(own_workspace, camera, monkeypatch):
    monkeypatch.setattr("pipeline.runs.index.ZOO", own_workspace / "none")
    run = find_model(run_name())
    at = live_page(model=run.name)
    shutil.rmtree(run.path)
    at.run()
    assert "no trained model" in at.info[0].value and not at.exception
