from unittest import mock

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pipeline.runs import list_models
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
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


@pytest.fixture(autouse=True)
def outside_a_session():
    with mock.patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
        yield


def live_page() -> AppTest:
    at = AppTest.from_file(HOME, default_timeout=60).run()
    at.switch_page("app_pages/live.py").run()
    assert not at.exception
    assert at.title[0].value == "Emotion Detector"
    return at


def shows(at: AppTest, snapshot: Snapshot) -> AppTest:
    with mock.patch.object(LiveProcessor, "snapshot", return_value=snapshot):
        at.run()
    assert not at.exception
    return at


def test_without_a_model_the_page_offers_to_train_one(monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path)
    at = live_page()
    assert "no trained model" in at.info[0].value
    assert not at.metric


def test_with_a_model_it_says_how_to_begin_and_that_nothing_is_stored(filled_workspace):
    at = live_page()
    assert at.selectbox[0].options == [model.name for model in list_models()]
    assert "Press START" in at.info[0].value
    assert "nothing is stored" in at.caption[0].value


def test_faces_and_figures_are_shown(filled_workspace):
    stages = {"detect": 8.0, "recognise": 2.0, "draw": 0.25}
    at = shows(live_page(), Snapshot((FACE,), True, 29.6, 14.9, stages, 1234))
    assert any("Face 7" in text.value and "happy" in text.value for text in at.markdown)
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown == {
        "Frames/s": "29.6",
        "Recognitions/s": "14.9",
        "Detect": "8.0 ms",
        "Recognise": "2.0 ms",
        "Draw": "0.2 ms",
        "Dropped": "1,234",
    }


def test_a_problem_of_the_worker_is_shown_as_a_sentence(filled_workspace):
    at = shows(live_page(), Snapshot(problem="Recognition fails: RuntimeError: no cascade."))
    assert "Recognition fails: RuntimeError: no cascade." in at.error[0].value


def test_settings_reach_the_processor(filled_workspace):
    at = live_page()
    with mock.patch.object(LiveProcessor, "configure") as configure:
        at.slider[0].set_value(120).run()
    assert configure.call_args.args[0].smallest_face == 120


def test_ice_servers_that_are_no_json_list_are_told_of(filled_workspace, monkeypatch):
    monkeypatch.setenv("EMOTION_ICE_SERVERS", "stun:example.org")
    assert "EMOTION_ICE_SERVERS" in live_page().warning[0].value
