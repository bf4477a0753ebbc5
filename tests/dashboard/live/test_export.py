"""A recording, a still image and the timeline of the last minute."""

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

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.face_snapshot import draw_snapshot
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.snapshot import Snapshot
from pipeline.vision.live.timeline import COLUMNS, Timeline
from tests.conftest import wait_for
from tests.dashboard.live.conftest import (
    FACE,
    UNCERTAIN_FACE,
    downloads,
    go,
    named,
    open_page,
    open_part,
    run,
    text_of,
)
from tests.dashboard.pages import labels, press

IMAGE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)


@pytest.fixture(autouse=True)
def playing(camera):
    camera.play()


def timeline_of(at: AppTest) -> Timeline:
    return at.session_state["live.processor"].timeline


def add(at: AppTest, now: float, *faces) -> None:
    timeline_of(at).add([replace(face, time_s=now) for face in faces], now)


def press_in_fragment(at: AppTest, label: str) -> None:
    """Press a button as a browser does, which runs its fragment alone; then run the page."""
    (fragment_id,) = (
        identifier
        for identifier, fragment in at._fragment_storage._fragments.items()
        if "show_export"
        in [getattr(cell.cell_contents, "__name__", "") for cell in fragment.__closure__]
    )
    alone = partial(RerunData, fragment_id=fragment_id)
    with mock.patch("streamlit.testing.v1.local_script_runner.RerunData", alone):
        press(at, label)
    run(at)


def record(at: AppTest, *times: float) -> AppTest:
    """Record two faces at some times, and stop."""
    press_in_fragment(at, "Record")
    for time in times:
        add(at, time, FACE, UNCERTAIN_FACE)
    press_in_fragment(at, "Stop recording")
    return at


@pytest.mark.slow
def test_a_recording_counts_its_rows_until_it_is_stopped_and_can_be_discarded():
    at = open_part("camera")
    add(at, 9.0, FACE)
    press_in_fragment(at, "Record")
    assert "Recording: 0 rows" in text_of(at.markdown) and "Record" not in labels(at)
    for time in (10.0, 10.5):
        add(at, time, FACE, UNCERTAIN_FACE)
    assert "Recording: 4 rows" in text_of(run(at).markdown)
    assert not at.get("download_button")

    press_in_fragment(at, "Stop recording")
    add(at, 11.0, FACE)
    assert "4 rows" in [caption.value for caption in run(at).caption]
    assert "Record" in labels(at) and "Stop recording" not in labels(at)

    press_in_fragment(at, "Discard")
    assert not at.get("download_button") and "Discard" not in labels(at)
    assert timeline_of(at).rows == 0
    press(at, "Record")  # a press that falls together with a run of the whole page
    assert timeline_of(at).recording


def test_a_recording_is_a_table_and_a_chart_that_needs_no_network():
    files = downloads(record(open_part("camera"), 10.0, 10.5))
    content, name = files["Table, CSV"]
    header, *rows = (line.split(",") for line in content.decode().splitlines())
    assert tuple(header) == COLUMNS
    assert [row[:3] for row in rows] == [
        ["0.000", "7", "happy"],
        ["0.000", "8", "uncertain"],
        ["0.500", "7", "happy"],
        ["0.500", "8", "uncertain"],
    ]
    assert rows[0][3:] == ["0.85000", *(f"{p:.5f}" for p in FACE.probabilities)]
    assert name.startswith("emotions-") and name.endswith(".csv")

    content, name = files["Timeline, HTML"]
    page = content.decode()
    assert all(word in page for word in ("face 7", "face 8", *EMOTIONS))
    assert '<script src="http' not in page and 'src="https://cdn' not in page
    assert name.endswith(".html")


def test_the_video_is_recorded_only_if_it_is_asked_for(camera):
    at = open_part("camera")
    processor = at.session_state["live.processor"]
    press_in_fragment(at, "Record")
    assert processor.video is None
    press_in_fragment(at, "Stop recording")
    named(at.toggle, "With video").set_value(True)
    run(at)
    press_in_fragment(at, "Record")
    for time in (10.0, 10.5):
        add(at, time, FACE)
        processor.video.add(IMAGE, time)
    press_in_fragment(at, "Stop recording")
    content, name = downloads(at)["Video, MP4"]
    assert content[4:8] == b"ftyp" and name.endswith(".mp4")
    assert "Table, CSV" in downloads(at)
    press_in_fragment(at, "Discard")
    assert processor.video is None and not at.get("download_button")


@pytest.mark.slow
def test_a_recording_lasts_through_stop_and_another_page_until_the_next(camera):
    at = record(open_page(), 10.0, 10.5)
    at.session_state["live.processor"].stop()
    camera.play(False)
    go(at, "overview")
    go(at, "live")
    assert len(downloads(at)["Table, CSV"][0].splitlines()) == 5
    camera.play()
    assert len(downloads(record(run(at), 20.0))["Table, CSV"][0].splitlines()) == 3


def test_a_recording_that_reaches_the_limit_ends_and_says_so(monkeypatch):
    for module in ("pipeline.vision.live.timeline", "dashboard.views.live.export"):
        monkeypatch.setattr(f"{module}.MAX_ROWS", 4)
    at = open_part("camera")
    press_in_fragment(at, "Record")
    for time in (10.0, 10.5, 11.0):
        add(at, time, FACE, UNCERTAIN_FACE)
    assert "The recording has ended" in run(at).warning[0].value
    assert "4 rows" in at.warning[0].value
    assert len(downloads(at)["Table, CSV"][0].splitlines()) == 5


def test_a_recording_that_ends_before_it_is_stopped_says_what_has_ended(monkeypatch):
    at = open_part("camera")
    named(at.toggle, "With video").set_value(True)
    run(at)
    press_in_fragment(at, "Record")
    processor = at.session_state["live.processor"]
    add(at, 10.0, FACE)
    monkeypatch.setattr("pipeline.vision.live.recording.MAX_VIDEO_S", 0.5)
    for time in (10.0, 11.0):
        processor.video.add(IMAGE, time)
    wait_for(lambda: not processor.video.running, 30)
    assert "The video has ended" in text_of(run(at).warning)
    assert "Recording: 1 rows" in text_of(at.markdown), "its table goes on"

    processor.stop()
    assert "The recording has ended" in text_of(run(at).warning)
    assert "Record" in labels(at) and "Video, MP4" in downloads(at)
    press_in_fragment(at, "Record")
    assert not at.warning


def test_a_still_image_is_shown_offered_and_discarded(camera):
    at = open_part("camera")
    press_in_fragment(at, "Take a still image")
    assert not at.image and not at.get("download_button"), "there is no frame yet"
    with mock.patch.object(LiveProcessor, "last_frame", return_value=IMAGE):
        press_in_fragment(at, "Take a still image")
    assert len(at.image) == 1
    content, name = downloads(at)["Image, PNG"]
    assert name.endswith(".png")
    assert (cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) == IMAGE).all()

    camera.play(False)
    assert len(run(at).image) == 1
    assert named(at.button, "Record").disabled and named(at.button, "Take a still image").disabled
    press_in_fragment(at, "Discard")
    assert not at.image and not at.get("download_button")


def test_a_still_image_comes_with_a_snapshot_of_each_listed_face_unless_faces_are_hidden():
    at = open_part("camera")
    now = Snapshot((FACE, UNCERTAIN_FACE, replace(FACE, number=0)))
    with (
        mock.patch.object(LiveProcessor, "last_frame", return_value=IMAGE),
        mock.patch.object(LiveProcessor, "snapshot", return_value=now),
    ):
        press_in_fragment(at, "Take a still image")
        assert set(downloads(at)) == {"Image, PNG", "Face 7, PNG", "Face 8, PNG"}
        content, name = downloads(at)["Face 7, PNG"]
        assert name == "emotion-detector-face-7.png"
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert (image == draw_snapshot(FACE)).all()
        named(at.toggle, "Hide faces").set_value(True)
        run(at)
        press_in_fragment(at, "Take a still image")
        assert set(downloads(at)) == {"Image, PNG"}


def lines(at: AppTest) -> list[tuple[str, list[tuple[float, float]]]]:
    """Return the color and the points of each line of the timeline, 0-100 of its image."""
    (html,) = (each.proto.body for each in run(at).get("html") if "svg+xml" in each.proto.body)
    encoded = re.search(r"base64,([^\"]+)", html)
    assert encoded
    svg = b64decode(encoded[1]).decode()
    found = re.findall(r'points="([^"]+)".*?stroke="([^"]+)"', svg)
    return [
        (color, [tuple(map(float, point.split(","))) for point in points.split()])
        for points, color in found
    ]


def test_the_timeline_shows_the_last_minute_of_a_face():
    at = open_part("camera")
    assert lines(at) == [], "a chart without lines, as high as with a face"
    now = monotonic()
    for ago in (90.0, 2.0, 1.0):
        add(at, now - ago, FACE)
    colors, points = zip(*lines(at), strict=True)
    assert list(colors) == [COLORS[emotion] for emotion in EMOTIONS]
    happy = points[EMOTIONS.index("happy")]
    assert happy[1][0] - happy[0][0] == pytest.approx(100 / 60, abs=0.11)
    assert [y for _, y in happy] == pytest.approx([15, 15], abs=0.1)
    assert "Face" not in [each.label for each in at.segmented_control]


def test_of_several_faces_one_is_chosen_until_it_has_left():
    at = open_part("camera")
    now = monotonic()
    add(at, now - 3, FACE, UNCERTAIN_FACE)
    add(at, now - 2, FACE)
    run(at)
    chosen = named(at.segmented_control, "Face")
    assert chosen.value == 8 and len(lines(at)[0][1]) == 1
    named(at.segmented_control, "Face").set_value(7)
    assert len(lines(at)[0][1]) == 2

    timeline_of(at).clear_recent()
    add(at, monotonic(), UNCERTAIN_FACE, replace(FACE, number=9))
    assert len(lines(at)) == 7
    assert named(at.segmented_control, "Face").value == 9
