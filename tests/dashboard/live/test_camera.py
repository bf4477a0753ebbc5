"""The Live page with the browser's camera: its states, the model, settings, viewer slots."""

import json
import os
import shutil
from dataclasses import replace
from unittest import mock

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit_webrtc.component import generate_frontend_component_key

from dashboard import resources
from dashboard.views.live import webrtc
from dashboard.views.live.webrtc import WEBCAM
from dashboard.widgets.markdown import escape_markdown
from pipeline.errors import UserError
from pipeline.vision.detectors import DETECTORS, Detector
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.snapshot import Percentiles, Snapshot
from pipeline.vision.recognizer import Recognizer
from tests.dashboard.live.conftest import (
    BUNDLED,
    FACE,
    OTHER,
    UNCERTAIN_FACE,
    go,
    named,
    open_page,
    open_part,
    run,
    text_of,
)
from tests.dashboard.pages import HOME, labels, press

SERVERS = [
    {"urls": "stun:stun.example.org:3478"},
    {"urls": ["turn:turn.example.org"], "username": "me", "credential": "secret"},
]


def cards(at) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def styles(at) -> str:
    """Return the style sheets of the page."""
    return "\n".join(text for text in cards(at).split("<style>") if "</style>" in text)


def show(at, *faces, **snapshot):
    """Run the page while the processor has a snapshot."""
    with mock.patch.object(LiveProcessor, "snapshot", return_value=Snapshot(faces, **snapshot)):
        return run(at)


@pytest.mark.slow
def test_without_a_model_the_page_offers_to_train_one(monkeypatch, other_model, camera):
    monkeypatch.setattr("pipeline.runs.store.ZOO", other_model.path / "none")
    at = open_page(model=OTHER)
    assert at.selectbox and not at.info[0].value.startswith("There is no trained model")
    shutil.rmtree(other_model.path)
    run(at)
    assert "no trained model" in at.info[0].value
    assert at.get("page_link")[0].proto.label == "Train a model"
    assert not at.selectbox and not at.segmented_control and not at.metric


def test_at_first_it_says_how_to_start_and_what_is_stored():
    with mock.patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
        at = open_page()
    assert at.selectbox("live_model").options == [entry.label for entry in resources.models()]
    assert "Press START" in at.info[0].value
    assert "are not stored" in at.caption[0].value
    assert len(at.get("component_instance")) == 1  # the real component takes its arguments
    assert not at.metric and not at.error and not at.warning


def test_the_faces_on_screen_are_shown_with_label_confidence_and_image(camera):
    at = open_part("camera")
    assert not show(at, FACE).metric
    camera.play()
    assert "Looking for a face" in run(at).info[0].value

    show(at, FACE, UNCERTAIN_FACE)
    assert "<b>Face 7</b> · happy, confidence 85%<" in cards(at)
    assert "<b>Face 8</b> · uncertain<" in cards(at) and "31%" not in cards(at)
    assert cards(at).count('alt="The image') == 2
    assert not at.info
    show(at, replace(FACE, number=0))
    assert "Face" not in cards(at) and "Looking for a face" in at.info[0].value, "under a second"

    named(at.toggle, "Hide faces").set_value(True)
    show(at, FACE)
    assert "happy" in cards(at) and 'alt="The image' not in cards(at)

    problem = "Recognition fails: RuntimeError: no *cascade*."
    (error,) = show(at, problem=problem).error
    assert error.value.startswith(escape_markdown(problem))
    assert not at.info

    assert "The detector is loading" in show(at, loading=True).info[0].value
    notice = "The detector auto hung twice, so haar is used until the next START."
    assert notice in show(at, notice=notice).warning[0].value


def test_rates_and_stage_times_are_shown_while_the_video_plays(camera):
    names = ["convert", "detect", "recognize", "draw", "frame to faces"]
    stages = {name: Percentiles(i + 0.25, 10 * i + 0.75) for i, name in enumerate(names, start=1)}
    rates = {"frames_in_per_s": 29.6, "frames_out_per_s": 24.2, "recognitions_per_s": 14.9}
    camera.play()
    at = open_part("camera")
    show(at, FACE, stages=stages, dropped=1234, **rates)
    assert {metric.label: metric.value for metric in at.metric} == {
        "Frames/s in": "29.6",
        "Frames/s out": "24.2",
        "Recognitions/s": "14.9",
        "Dropped": "1,234",
    }
    table = next(text.value for text in at.markdown if "p95" in text.value)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert rows[0] == ["Stage", "p50", "p95"]
    assert rows[2:] == [
        ["Convert", "1.2 ms", "10.8 ms"],
        ["Detect", "2.2 ms", "20.8 ms"],
        ["Recognize", "3.2 ms", "30.8 ms"],
        ["Draw", "4.2 ms", "40.8 ms"],
        ["Frame to faces", "5.2 ms", "50.8 ms"],
    ]
    show(at, stages={"draw": Percentiles(1.0, 2.0)})
    assert "Draw" in text_of(at.markdown) and "Detect" not in text_of(at.markdown)


def test_another_model_reaches_the_running_video_without_a_break(camera, other_model):
    camera.play()
    at = open_part("camera")
    processor = at.session_state["live.processor"]
    before = processor._config.recognizer
    assert run(at) and processor._config.recognizer is before
    with mock.patch.object(LiveProcessor, "set_recognizer") as set_recognizer:
        for name in (BUNDLED, OTHER, OTHER, BUNDLED):
            at.session_state.model = name
            run(at)
    first, other, again, back = (call.args[0] for call in set_recognizer.call_args_list)
    assert other.same_model(again) and first.same_model(back)
    assert not other.same_model(first)
    at.session_state.model = OTHER
    run(at)
    assert processor._config.recognizer.same_model(other)
    assert at.session_state["live.processor"] is processor
    assert {call["video_frame_callback"] for call in camera.calls} == {processor.recv}
    assert not at.warning and not at.error


@pytest.mark.slow
def test_a_damaged_model_is_an_error_and_the_video_goes_on_with_the_one_before(camera, other_model):
    for file in (other_model.openvino_path, other_model.openvino_path.with_suffix(".bin")):
        other_model.int8_path.unlink(missing_ok=True)
        content = file.read_bytes()
        file.write_bytes(content[:1000])
        at = open_part("camera", OTHER)
        assert f"'{OTHER}' is missing or damaged" in at.error[0].value
        assert not camera.calls, "without a model before there is no video"

        at.session_state.model = BUNDLED
        camera.play()
        run(at)
        processor, before = (at.session_state[f"live.{key}"] for key in ("processor", "recognizer"))
        at.session_state.model = OTHER
        (error,) = run(at).error
        assert f"'{OTHER}' is missing or damaged" in error.value and "\n" not in error.value
        assert at.session_state["live.processor"] is processor
        assert at.session_state["live.recognizer"] is before
        assert len(camera.calls) == 2
        file.write_bytes(content)
        camera.play(False)
        camera.calls.clear()


def test_a_deleted_model_is_named_once_and_another_is_used(camera, other_model):
    camera.play()
    at = open_page(model=OTHER)
    processor = at.session_state["live.processor"]
    shutil.rmtree(other_model.path)
    (warning,) = run(at).warning
    expected = f"There is no model '{escape_markdown(OTHER)}' any more; {escape_markdown(BUNDLED)}"
    assert warning.value.startswith(expected)
    assert at.session_state["live.processor"] is processor
    assert len(camera.calls) == 2
    assert not run(at).warning


@pytest.mark.slow
def test_int8_comes_before_the_default_and_is_loaded_again_when_it_has_changed(other_model):
    for suffix in (".bin", ".xml"):
        other_model.int8_path.with_suffix(suffix).unlink()
    assert resources.recognizer(other_model).precision == "default"
    for suffix in (".bin", ".xml"):
        path = other_model.int8_path.with_suffix(suffix)
        shutil.copy(other_model.openvino_path.with_suffix(suffix), path)
    assert resources.recognizer(other_model).precision == "int8"
    other_model.int8_path.write_text("no model")
    with pytest.raises(UserError, match="export it with --int8"):
        resources.recognizer(other_model)
    other_model.int8_path.unlink()
    assert resources.recognizer(other_model).precision == "default"


# Settings

CHOICES = (
    ("slider", "Smallest face", 120, {"smallest_face": 120}),
    ("slider", "Smoothing", 1.5, {"smoothing_s": 1.5}),
    ("slider", "Max. recognitions/s", 10, {"recognitions_per_s": 10}),
    ("toggle", "Mirror", False, {"mirror": False}),
    ("toggle", "Probability bars", True, {"bars": True}),
    ("toggle", "Class activation map", True, {"activation_map": True}),
    ("toggle", "Hide faces", True, {"hide_faces": True}),
)
FPS = "Camera frames/s"


def settings_of(at) -> LiveSettings:
    """Run the page and return the processor's settings."""
    return run(at).session_state["live.processor"]._config.settings


def requested_fps(camera) -> int:
    return camera.calls[-1]["media_stream_constraints"]["video"]["frameRate"]


def test_every_setting_reaches_the_processor_and_lasts_through_another_page(camera, monkeypatch):
    class AnotherDetector(Detector):
        def detect(self, gray):
            return []

    monkeypatch.setitem(DETECTORS, "another", AnotherDetector)
    at = open_page()
    assert settings_of(at) == LiveSettings(mirror=True)
    assert requested_fps(camera) == 30
    changed: dict = {"mirror": True}
    for kind, label, value, field in CHOICES:
        named(at.get(kind), label).set_value(value)
        changed |= field
        assert settings_of(at) == LiveSettings(**changed), label
    named(at.select_slider, FPS).set_value(15)
    named(at.selectbox, "Detector").set_value("another")
    assert settings_of(at) == LiveSettings(**changed, detector="another")
    processor = at.session_state["live.processor"]

    run(go(at, "overview"))
    go(at, "live")
    assert settings_of(at) == LiveSettings(120, 1.5, 10, "another", False, True, True, True)
    assert requested_fps(camera) == 15
    assert at.session_state["live.processor"] is processor


def test_an_address_brings_the_detector_and_every_setting(camera):
    at = AppTest.from_file(HOME, default_timeout=60).run()
    at.query_params.update(live_detector="auto", live_fps="15", live_mirror_Front="false")
    at.query_params.update(live_bars="true", live_map="true", live_hide="true")
    at.query_params.update(live_smallest="120", live_smoothing="1.5", live_per_s="10")
    expected = LiveSettings(120, 1.5, 10, "auto", False, True, True, True)
    assert settings_of(go(at, "live")) == expected
    assert requested_fps(camera) == 15
    assert not at.info or "Ignored" not in at.info[0].value


def test_maps_that_are_too_coarse_are_not_shown_also_if_chosen_for_another_model(camera):
    at = open_part("camera")
    named(at.toggle, "Class activation map").set_value(True)
    assert settings_of(at).activation_map
    with mock.patch.object(Recognizer, "map_side", new_callable=mock.PropertyMock, return_value=3):
        assert not settings_of(at).activation_map
    toggle = named(at.toggle, "Class activation map")
    assert toggle.value and toggle.disabled
    assert "3 × 3 cells, too coarse" in toggle.help


def test_the_frame_rate_changes_at_the_next_start(camera):
    at = open_part("camera")
    for playing, chosen, expected in ((False, 15, 15), (True, 24, 15), (False, 24, 24)):
        camera.play(playing)
        run(at)
        named(at.select_slider, FPS).set_value(chosen)
        run(at)
        assert requested_fps(camera) == expected


def test_a_rear_camera_is_not_mirrored_unless_it_is_asked_for(camera):
    at = open_part("camera")
    named(at.segmented_control, "Camera").set_value("Rear")
    assert not settings_of(at).mirror
    video = camera.calls[-1]["media_stream_constraints"]["video"]
    assert video["facingMode"] == {"ideal": "environment"}
    named(at.toggle, "Mirror").set_value(True)
    assert settings_of(at).mirror
    named(at.segmented_control, "Camera").set_value("Front")
    assert settings_of(at).mirror


# START, STOP and presenter mode


def desired(camera) -> list[bool | None]:
    """Return what the component was asked for in the last runs, and forget it."""
    asked = [call["desired_playing_state"] for call in camera.calls]
    camera.calls.clear()
    return asked


def test_start_shows_only_after_the_server_has_heard_of_the_end(camera):
    at = open_part("camera")
    assert desired(camera) == [None] and "STOP" not in labels(at)
    camera.signal()
    run(at)
    assert desired(camera) == [True] and "STOP" in labels(at), "also before the video plays"
    camera.signal(False)
    camera.play()
    run(at)
    assert desired(camera) == [True]
    press(at, "STOP")
    assert desired(camera) == [False]
    camera.play(False)
    run(at)
    assert desired(camera) == [False, None], "the old answer goes before START shows"
    assert "STOP" not in labels(at)
    camera.play()
    run(at)
    assert desired(camera) == [True], "a former STOP ends no later video"


def test_q_stops_and_esc_leaves_presenter_mode(camera):
    camera.play()
    at = open_part("camera")
    assert named(at.button, "STOP").proto.shortcut == "q"
    assert "Leave" not in labels(at)
    press(at, "Presenter mode")
    assert settings_of(at).large
    assert named(at.button, "Leave").proto.shortcut == "escape"
    assert "inset: 0" in styles(at) and not at.get("download_button")
    press(at, "Leave")
    assert not settings_of(at).large and "inset: 0" not in styles(at)


def test_presenter_mode_ends_with_the_video(camera):
    camera.play()
    at = open_part("camera")
    press(at, "Presenter mode")
    camera.play(False)
    assert not settings_of(at).large and "inset: 0" not in styles(at)
    camera.play()
    assert not settings_of(at).large


def test_the_camera_does_not_start_by_itself_when_the_user_is_back(camera):
    for leave in (
        lambda at: go(at, "overview"),
        lambda at: at.segmented_control("live_from").set_value("Photo").run(),
    ):
        camera.play()
        at = open_page()
        camera.play(False)  # the browser ends it
        leave(at)
        assert "webcam" not in at.session_state
        go(at, "live")
        at.segmented_control("live_from").set_value("Camera").run()
        assert True not in desired(camera)[1:]


# Viewer slots, and what can keep the camera from starting


@pytest.fixture
def one_slot(monkeypatch):
    """The only viewer slot of the server."""
    monkeypatch.setenv("EMOTION_VIEWERS", "1")
    resources.viewer_slots.clear()
    yield resources.viewer_slots()
    resources.viewer_slots.clear()


def test_if_all_viewer_slots_are_in_use_the_page_says_so_and_shows_no_video(camera, one_slot):
    viewer = object()
    assert one_slot.acquire(viewer)
    at = open_part("camera")
    assert "All 1 viewer slots are in use" in text_of(at.warning)
    assert not camera.calls

    one_slot.release(viewer)
    press(at, "Try again")
    assert not at.warning
    assert len(camera.calls) == 1

    assert one_slot.acquire(at.session_state["live.processor"])
    camera.play()
    assert one_slot.full and not run(at).warning
    assert len(camera.calls) == 2, "a viewer with a slot goes on"


def test_an_invalid_number_of_viewers_is_ignored(monkeypatch, one_slot):
    cores = os.cpu_count()
    for value, limit in (("3", 3), ("many", cores), ("-1", cores), ("1.5", cores), ("", cores)):
        monkeypatch.setenv("EMOTION_VIEWERS", value)
        resources.viewer_slots.clear()
        assert resources.viewer_slots().limit == limit, value


def test_the_video_requests_no_sound_and_calls_the_processor(camera):
    at = open_part("camera")
    (call,) = camera.calls
    processor = at.session_state["live.processor"]
    assert call["media_stream_constraints"] == {
        "video": {
            "width": 640,
            "height": 480,
            "resizeMode": "none",
            "frameRate": 30,
            "facingMode": {"ideal": "user"},
        },
        "audio": False,
    }
    assert call["video_frame_callback"] == processor.recv
    assert call["async_processing"] is False
    with mock.patch.object(processor, "stop") as stop:
        call["on_video_ended"]()
    stop.assert_called_once_with()


def test_plain_http_from_another_machine_is_a_warning():
    def part() -> None:
        from dashboard.views.live.webrtc import show_help

        show_help()

    at = AppTest.from_function(part)
    for url, warns in (
        ("http://192.168.1.5:8501/live", True),
        ("http://emotions.example.org/live", True),
        ("http://box/live", True),
        (None, False),
        ("http://localhost:8501/live", False),
        ("http://127.0.0.1:8501/live", False),
        ("http://[::1]:8501/live", False),
        ("https://emotions.example.org/live", False),
    ):
        at.context["url"] = url
        assert ("plain http from another machine" in text_of(run(at).warning)) == warns, url


def test_the_address_is_a_qr_code_where_a_phone_can_open_it(camera):
    for url, shown in (
        ("https://emotions.example.org/live?live_model=custom_cnn", True),
        ("https://192.168.1.5/live", True),
        ("https://localhost/live", False),
        ("http://emotions.example.org/live", False),
        (None, False),
    ):
        with mock.patch("streamlit.image", wraps=st.image) as image:
            at = open_part("camera", url=url)
        assert image.called == shown, url
        assert ("only on a page loaded over https" in text_of(at.markdown)) != shown, url
        if shown:
            png = np.frombuffer(image.call_args.args[0], np.uint8)
            code = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE)
            assert cv2.QRCodeDetector().detectAndDecode(code)[0] == url.partition("?")[0]


def test_help_is_shown_until_the_video_plays(camera):
    at = open_part("camera", url="http://box/live")
    assert "The camera does not start?" in [each.label for each in at.expander]
    assert all(error in text_of(at.markdown) for error in ("NotAllowedError", "NotFoundError"))
    assert at.warning
    camera.play()
    assert "The camera does not start?" not in [each.label for each in run(at).expander]
    assert not at.warning


def test_a_video_whose_server_was_lost_starts_again_once_and_never_unasked(camera, monkeypatch):
    in_browser = generate_frontend_component_key(WEBCAM)

    def wanted(at, **says) -> list[bool | None]:
        """Return what is asked of the component when the browser says something."""
        before = len(camera.calls)
        at.session_state[in_browser] = says
        run(at)
        return [call["desired_playing_state"] for call in camera.calls[before:]]

    at = open_part("camera")
    assert wanted(at, playing=True) == [None, False]
    assert wanted(at, playing=False) == [False, True]
    assert wanted(at, playing=False) == [True]
    monkeypatch.setattr(webrtc, "_ATTEMPT_S", 0.0)  # the time is over, and no camera has started
    assert wanted(at, playing=False) == [True, None]
    assert wanted(at, playing=False) == [None], "a START of the component's own"

    monkeypatch.undo()
    assert wanted(at, playing=True)[-1] is False
    assert wanted(at, playing=False)[-1] is True
    del at.session_state[in_browser]  # as Streamlit does when another page is shown
    run(at)
    assert camera.calls[-1]["desired_playing_state"] is None
    assert wanted(at, playing=False) == [None]


def test_ice_servers_come_from_the_environment_or_the_secrets(camera, monkeypatch):
    def part() -> None:
        from dashboard.views.live.settings import CameraSettings
        from dashboard.views.live.webrtc import stream_camera
        from pipeline.vision.live.processor import LiveProcessor

        stream_camera(LiveProcessor(None), CameraSettings(), fill=False)

    def requested(**secrets) -> tuple[list, str]:
        at = AppTest.from_function(part)
        at.secrets.update(secrets)
        run(at)
        call = camera.calls[-1]
        servers = call["server_rtc_configuration"]["iceServers"]
        assert call["frontend_rtc_configuration"]["iceServers"] == servers
        return servers, text_of(at.warning)

    assert requested() == ([], "")
    assert requested(ice_servers=SERVERS) == (SERVERS, "")
    monkeypatch.setenv("EMOTION_ICE_SERVERS", json.dumps(SERVERS))
    assert requested(ice_servers=[{"urls": "stun:secret.example.org"}]) == (SERVERS, "")
    for invalid in (
        "stun:example.org",
        '{"urls": "stun:example.org"}',
        "[1]",
        "5",
        "null",
        '["ab c"]',
    ):
        monkeypatch.setenv("EMOTION_ICE_SERVERS", invalid)
        servers, warning = requested()
        assert not servers and "EMOTION_ICE_SERVERS" in warning, invalid
