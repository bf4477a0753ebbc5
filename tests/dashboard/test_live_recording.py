"""The timeline of the Live page, a recording of it, and a still picture."""

import re
from base64 import b64decode
from dataclasses import replace
from functools import partial
from time import monotonic
from unittest import mock

import cv2
import numpy as np
import pytest
from streamlit.runtime.scriptrunner import RerunData
from streamlit.testing.v1 import AppTest

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.live import LiveProcessor
from pipeline.vision.timeline import COLUMNS, Timeline
from tests.dashboard.test_live_page import (
    FACE,
    UNDECIDED,
    go,
    live_page,
    named,
    offered,
    stand_in_camera,
    texts,
)

PICTURE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
STILL = "Picture, PNG"


@pytest.fixture
def camera(monkeypatch):
    camera = stand_in_camera(monkeypatch)
    camera.play()
    return camera


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def timeline_of(at: AppTest) -> Timeline:
    return at.session_state["live.processor"].timeline


def press(at: AppTest, label: str, fragment: str = "recording_panel") -> None:
    """Press a button as a browser does, which runs the button's fragment alone; then the page."""
    (fragment_id,) = (
        identifier
        for identifier, run in at._fragment_storage._fragments.items()
        if fragment in [getattr(cell.cell_contents, "__name__", "") for cell in run.__closure__]
    )
    alone = partial(RerunData, fragment_id=fragment_id)
    with mock.patch("streamlit.testing.v1.local_script_runner.RerunData", alone):
        named(at.button, label).click().run()
    assert not at.exception
    at.run()
    assert not at.exception


def recorded(at: AppTest, *times: float) -> AppTest:
    """Record two faces at some times, and stop."""
    press(at, "Record")
    for time in times:
        timeline_of(at).add([FACE, UNDECIDED], time)
    press(at, "Stop recording")
    return at


def test_without_a_video_nothing_can_be_recorded(filled_workspace, camera):
    camera.play(False)
    at = live_page()
    assert named(at.button, "Record").disabled and named(at.button, "Take a picture").disabled
    assert not at.get("download_button")


def test_a_recording_counts_its_rows_until_it_is_stopped(filled_workspace, camera):
    at = live_page()
    timeline_of(at).add([FACE], 9.0)
    press(at, "Record")
    assert "Recording: 0 rows" in texts(at) and "Record" not in labels(at)
    for time in (10.0, 10.5):
        timeline_of(at).add([FACE, UNDECIDED], time)
    at.run()
    assert "Recording: 4 rows" in texts(at)
    assert not at.get("download_button")

    press(at, "Stop recording")
    timeline_of(at).add([FACE], 11.0)
    at.run()
    assert "4 rows" in [caption.value for caption in at.caption]
    assert "Record" in labels(at) and "Stop recording" not in labels(at)


def test_the_table_holds_what_was_recorded(filled_workspace, camera):
    at = recorded(live_page(), 10.0, 10.5)
    content, name = offered(at)["Table, CSV"]
    header, *rows = content.decode().splitlines()
    assert tuple(header.split(",")) == COLUMNS
    assert [row.split(",")[:3] for row in rows] == [
        ["0.000", "7", "happy"],
        ["0.000", "8", "uncertain"],
        ["0.500", "7", "happy"],
        ["0.500", "8", "uncertain"],
    ]
    assert rows[0].split(",")[3:] == [
        "0.85000", *(f"{share:.5f}" for share in FACE.probabilities)
    ]  # fmt: skip
    assert name.startswith("emotions-") and name.endswith(".csv")


def test_the_drawn_timeline_shows_the_faces_and_needs_no_network(filled_workspace, camera):
    at = recorded(live_page(), 10.0, 10.5)
    content, name = offered(at)["Timeline, HTML"]
    page = content.decode()
    assert "face 7" in page and "face 8" in page
    assert all(emotion in page for emotion in EMOTIONS)
    assert '<script src="http' not in page and 'src="https://cdn' not in page
    assert name.endswith(".html")


def test_a_recording_is_kept_through_stop_and_another_page(filled_workspace, camera):
    at = recorded(live_page(), 10.0, 10.5)
    at.session_state["live.processor"].stop()
    camera.play(False)
    go(at, "overview")
    go(at, "live")
    assert len(offered(at)["Table, CSV"][0].splitlines()) == 5


def test_a_discarded_recording_is_gone(filled_workspace, camera):
    at = recorded(live_page(), 10.0)
    press(at, "Discard")
    assert not at.get("download_button") and "Discard" not in labels(at)
    assert timeline_of(at).rows == 0
    assert "Record" in labels(at)


def test_a_second_recording_takes_the_place_of_the_first(filled_workspace, camera):
    at = recorded(recorded(live_page(), 10.0, 10.5, 11.0), 20.0)
    assert len(offered(at)["Table, CSV"][0].splitlines()) == 3


def test_a_recording_that_is_full_ends_by_itself_and_says_so(filled_workspace, camera, monkeypatch):
    for module in ("pipeline.vision.timeline", "dashboard.components.live.recording"):
        monkeypatch.setattr(f"{module}.MOST_ROWS", 4)
    at = live_page()
    press(at, "Record")
    for time in (10.0, 10.5, 11.0):
        timeline_of(at).add([FACE, UNDECIDED], time)
    at.run()
    assert "The recording has ended: 4 rows" in at.warning[0].value
    assert len(offered(at)["Table, CSV"][0].splitlines()) == 5


def test_a_press_that_falls_together_with_a_run_of_the_page_records(filled_workspace, camera):
    at = live_page()
    named(at.button, "Record").click().run()
    assert not at.exception
    assert timeline_of(at).recording


def test_a_still_picture_is_shown_offered_and_discarded(filled_workspace, camera):
    at = live_page()
    with mock.patch.object(LiveProcessor, "picture", return_value=PICTURE):
        press(at, "Take a picture")
    assert len(at.image) == 1
    content, name = offered(at)[STILL]
    assert name.endswith(".png")
    assert (cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) == PICTURE).all()

    camera.play(False)
    at.run()
    assert len(at.image) == 1
    press(at, "Discard")
    assert not at.image and not at.get("download_button")


def test_before_the_first_frame_there_is_no_picture_to_take(filled_workspace, camera):
    at = live_page()
    press(at, "Take a picture")
    assert not at.image and not at.get("download_button")


def test_the_timeline_waits_for_a_face(filled_workspace, camera):
    at = live_page()
    assert not at.get("plotly_chart")
    assert any("last minute" in caption.value for caption in at.caption)


def test_the_timeline_shows_the_last_minute_of_a_face(filled_workspace, camera):
    at = live_page()
    now = monotonic()
    for ago in (90.0, 2.0, 1.0):
        timeline_of(at).add([FACE], now - ago)
    at.run()
    colours, points = zip(*lines(at), strict=True)
    assert list(colours) == [COLOURS[emotion] for emotion in EMOTIONS]
    happy = points[EMOTIONS.index("happy")]
    assert happy[1][0] - happy[0][0] == pytest.approx(100 / 60, abs=0.11)
    assert [y for _, y in happy] == pytest.approx([10, 10], abs=0.1)
    assert "Face" not in [group.label for group in at.segmented_control]


def lines(at: AppTest) -> list[tuple[str, list[tuple[float, float]]]]:
    """Return the colour and the points of each line of the last minute, 0-100 of its picture."""
    (html,) = (each.proto.body for each in at.get("html") if "svg+xml" in each.proto.body)
    encoded = re.search(r"base64,([^\"]+)", html)
    assert encoded
    svg = b64decode(encoded[1]).decode()
    found = re.findall(r'points="([^"]+)".*?stroke="([^"]+)"', svg)
    return [
        (colour, [tuple(map(float, point.split(","))) for point in points.split()])
        for points, colour in found
    ]


def test_of_several_faces_one_is_chosen(filled_workspace, camera):
    at = live_page()
    now = monotonic()
    timeline_of(at).add([FACE, UNDECIDED], now - 3)
    timeline_of(at).add([FACE], now - 2)
    at.run()
    chosen = named(at.segmented_control, "Face")
    assert chosen.value == 8 and len(lines(at)[0][1]) == 1
    chosen.set_value(7).run()
    assert len(lines(at)[0][1]) == 2


def test_a_chosen_face_that_has_left_gives_way(filled_workspace, camera):
    at = live_page()
    timeline_of(at).add([FACE, UNDECIDED], monotonic())
    at.run()
    named(at.segmented_control, "Face").set_value(7).run()
    timeline_of(at).forget()
    timeline_of(at).add([UNDECIDED, replace(FACE, number=9)], monotonic())
    at.run()
    assert not at.exception
    assert named(at.segmented_control, "Face").value == 9
    assert len(lines(at)) == 7
