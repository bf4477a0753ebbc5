"""The browser's camera: places, what the page asks of it, and what may keep it from starting."""

import json
import os
from unittest import mock

import pytest

from dashboard import resources
from tests.dashboard.test_live_page import live_page, named, stand_in_camera, texts

SERVERS = [
    {"urls": "stun:stun.example.org:3478"},
    {"urls": ["turn:turn.example.org"], "username": "me", "credential": "secret"},
]


@pytest.fixture
def camera(monkeypatch):
    return stand_in_camera(monkeypatch)


@pytest.fixture
def one_place(monkeypatch):
    """The only place of a server, taken by nobody yet."""
    monkeypatch.setenv("EMOTION_VIEWERS", "1")
    resources.viewer_places.clear()
    yield resources.viewer_places()
    resources.viewer_places.clear()


def warnings(at) -> str:
    return "\n".join(warning.value for warning in at.warning)


def test_where_all_places_are_taken_the_page_says_so_and_shows_no_video(
    filled_workspace, camera, one_place
):
    viewer = object()
    assert one_place.take(viewer)
    at = live_page()
    assert "All 1 places" in warnings(at) and "take a photo" in warnings(at)
    assert not camera.asked

    one_place.free(viewer)
    named(at.button, "Look again").click().run()
    assert not at.warning and not at.exception
    assert len(camera.asked) == 1


def test_who_has_a_place_goes_on_while_all_are_taken(filled_workspace, camera, one_place):
    at = live_page()
    assert one_place.take(at.session_state["live.processor"])
    camera.play()
    at.run()
    assert one_place.full and not at.warning
    assert len(camera.asked) == 2


@pytest.mark.parametrize(
    ("viewers", "limit"),
    [("3", 3), ("many", os.cpu_count()), ("-1", os.cpu_count()), ("1.5", os.cpu_count()),
     ("", os.cpu_count())],
)  # fmt: skip
def test_a_wrong_number_of_viewers_is_passed_over(monkeypatch, one_place, viewers, limit):
    monkeypatch.setenv("EMOTION_VIEWERS", viewers)
    resources.viewer_places.clear()
    assert resources.viewer_places().limit == limit


def test_the_video_asks_for_no_sound_and_calls_the_processor(filled_workspace, camera):
    at = live_page()
    (asked,) = camera.asked
    processor = at.session_state["live.processor"]
    assert asked["media_stream_constraints"] == {
        "video": {"width": 640, "height": 480, "frameRate": 30},
        "audio": False,
    }
    assert asked["video_frame_callback"] == processor.recv
    assert asked["async_processing"] is False
    with mock.patch.object(processor, "stop") as stop:
        asked["on_video_ended"]()
    stop.assert_called_once_with()


@pytest.mark.parametrize(
    "url", ["http://192.168.1.5:8501/live", "http://emotions.example.org/live", "http://box/live"]
)
def test_plain_http_from_another_machine_is_told_of(filled_workspace, camera, url):
    at = live_page(url=url)
    assert "came over plain http from another machine" in warnings(at)

    camera.play()
    at.run()
    assert not at.warning


@pytest.mark.parametrize(
    "url",
    [
        None,
        "http://localhost:8501/live",
        "http://127.0.0.1:8501/live",
        "http://[::1]:8501/live",
        "https://emotions.example.org/live",
    ],
)
def test_a_page_that_may_use_the_camera_warns_of_nothing(filled_workspace, camera, url):
    at = live_page(url=url)
    assert not at.warning


def test_help_is_there_until_the_video_plays(filled_workspace, camera):
    at = live_page()
    assert [each.label for each in at.expander] == ["The camera does not start?"]
    assert all(error in texts(at) for error in ("NotAllowedError", "NotFoundError"))
    camera.play()
    at.run()
    assert not at.expander


def test_without_ice_servers_none_is_named(filled_workspace, camera):
    live_page()
    assert camera.asked[-1]["rtc_configuration"] == {"iceServers": []}


def test_ice_servers_of_the_environment_reach_the_video(filled_workspace, camera, monkeypatch):
    monkeypatch.setenv("EMOTION_ICE_SERVERS", json.dumps(SERVERS))
    at = live_page(ice_servers=[{"urls": "stun:secret.example.org"}])
    assert camera.asked[-1]["rtc_configuration"] == {"iceServers": SERVERS}
    assert not at.warning


def test_ice_servers_of_the_secrets_reach_the_video(filled_workspace, camera):
    at = live_page(ice_servers=SERVERS)
    assert camera.asked[-1]["rtc_configuration"] == {"iceServers": SERVERS}
    assert not at.warning


@pytest.mark.parametrize(
    "servers", ["stun:example.org", '{"urls": "stun:example.org"}', "[1]", "5", "null", '["ab c"]']
)
def test_ice_servers_that_are_no_json_list_of_servers_are_told_of(
    filled_workspace, camera, monkeypatch, servers
):
    monkeypatch.setenv("EMOTION_ICE_SERVERS", servers)
    at = live_page()
    assert "EMOTION_ICE_SERVERS" in warnings(at)
    assert camera.asked[-1]["rtc_configuration"] == {"iceServers": []}
