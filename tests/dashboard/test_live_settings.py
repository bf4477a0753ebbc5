"""What a viewer may choose on the Live page reaches the video, and is kept."""

from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.vision.live import LiveProcessor
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings
from tests.dashboard.test_live_page import go, live_page, named, stand_in_camera

CHOICES = [
    ("slider", "Smallest face", 120, {"smallest_face": 120}),
    ("slider", "Smoothing", 1.5, {"smoothing_s": 1.5}),
    ("slider", "Recognitions/s, at most", 10, {"recognitions_per_s": 10}),
    ("toggle", "Mirror", True, {"mirror": True}),
    ("toggle", "Probability bars", True, {"bars": True}),
    ("toggle", "Class activation map", True, {"activation_map": True}),
    ("toggle", "Hide faces", True, {"hide_faces": True}),
]


@pytest.fixture
def camera(monkeypatch):
    return stand_in_camera(monkeypatch)


@pytest.fixture
def two_detectors(monkeypatch):
    monkeypatch.setattr("pipeline.vision.faces.available_detectors", lambda: ["haar", "other"])


@pytest.fixture
def coarse_maps():
    with mock.patch.object(Recognizer, "map_side", new_callable=mock.PropertyMock, return_value=3):
        yield


def configured(at: AppTest) -> LiveSettings:
    """Run the page and return what the processor is told."""
    with mock.patch.object(LiveProcessor, "configure") as configure:
        at.run()
    assert not at.exception
    (settings,) = configure.call_args.args
    return settings


def asked_fps(camera) -> int:
    return camera.asked[-1]["media_stream_constraints"]["video"]["frameRate"]


def test_at_first_all_stands_at_the_defaults(filled_workspace, camera):
    assert configured(live_page()) == LiveSettings()
    assert asked_fps(camera) == 30


@pytest.mark.parametrize(("kind", "label", "value", "expected"), CHOICES)
def test_each_choice_reaches_the_processor(filled_workspace, camera, kind, label, value, expected):
    at = live_page()
    named(at.get(kind), label).set_value(value)
    assert configured(at) == LiveSettings(**expected)


def test_the_detector_reaches_the_processor(filled_workspace, camera, two_detectors):
    at = live_page()
    named(at.selectbox, "Detector").set_value("other")
    assert configured(at) == LiveSettings(detector="other")


def test_choices_are_kept_while_another_page_is_looked_at(filled_workspace, camera, two_detectors):
    at = live_page()
    for kind, label, value, _ in CHOICES:
        named(at.get(kind), label).set_value(value)
    named(at.select_slider, "Camera's frames/s").set_value(15)
    named(at.selectbox, "Detector").set_value("other")
    chosen = configured(at)
    processor = at.session_state["live.processor"]

    go(at, "overview")
    at.run()
    go(at, "live")
    assert configured(at) == chosen == LiveSettings(120, 1.5, 10, "other", True, True, True, True)
    assert asked_fps(camera) == 15
    assert at.session_state["live.processor"] is processor


def test_coarse_maps_cannot_be_chosen_and_the_help_says_why(filled_workspace, camera, coarse_maps):
    at = live_page()
    toggle = named(at.toggle, "Class activation map")
    assert toggle.disabled
    assert "3 × 3 cells: too coarse" in toggle.help


def test_maps_that_were_chosen_for_another_model_are_not_shown_where_they_are_coarse(
    filled_workspace, camera, request
):
    at = live_page()
    named(at.toggle, "Class activation map").set_value(True)
    assert configured(at).activation_map
    request.getfixturevalue("coarse_maps")
    assert not configured(at).activation_map
    assert named(at.toggle, "Class activation map").value


def test_the_frame_rate_holds_from_the_next_start_on(filled_workspace, camera):
    at = live_page()
    rate = "Camera's frames/s"
    named(at.select_slider, rate).set_value(15).run()
    assert asked_fps(camera) == 15

    camera.play()
    at.run()
    named(at.select_slider, rate).set_value(24).run()
    assert asked_fps(camera) == 15

    camera.play(False)
    at.run()
    assert asked_fps(camera) == 24
    assert not at.exception
