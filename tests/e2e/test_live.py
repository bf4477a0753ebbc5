"""The live page in a real browser, with a film of a face in place of the webcam."""

import re
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data
from playwright.sync_api import FrameLocator, Locator, Page, expect

from pipeline.labels import COLOURS

from .conftest import Server, wait_ready

COUNT_PIXELS = """(video, [red, green, blue]) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; i < pixels.length; i += 4) {
        const away = Math.max(Math.abs(pixels[i] - red), Math.abs(pixels[i + 1] - green),
                              Math.abs(pixels[i + 2] - blue));
        count += away < 40;
    }
    return count;
}"""


@pytest.fixture
def live(page, server) -> Page:
    page.goto(f"{server}/live")
    wait_ready(page)
    expect(page.get_by_role("heading", name="Emotion Detector")).to_be_visible()
    expect(button(page, "START")).to_be_visible(timeout=15_000)
    return page


def webcam(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def button(page: Page, name: str) -> Locator:
    return webcam(page).get_by_role("button", name=name)


def label(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^Face \d+ · ")).first


def start(page: Page) -> float:
    """Press START and return the seconds until a face's label shows."""
    pressed = time.monotonic()
    button(page, "START").click()
    expect(label(page)).to_be_visible(timeout=10_000)
    return time.monotonic() - pressed


def stop(page: Page) -> None:
    button(page, "STOP").click()
    expect(button(page, "START")).to_be_visible()


def within(seconds: float, happens: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happens():
            return True
    return False


def works(dashboard: Server) -> bool:
    return bool(re.search(r"live\.py\", line \d+ in _work", dashboard.threads()))


def count_in_film(film: bytes, rgb: list[int]) -> int:
    """Return the most pixels near a colour that a frame of the untouched film has."""
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", film)]
    most = 0
    for begin in starts[::15]:
        frame = cv2.imdecode(np.frombuffer(film[begin:], np.uint8), cv2.IMREAD_COLOR)
        away = np.abs(frame[..., ::-1].astype(int) - rgb).max(axis=2)
        most = max(most, int((away < 40).sum()))
    return most


def test_a_face_is_labelled_within_three_seconds_of_start(live):
    took: list[float] = []
    while len(took) < 3 and min(took, default=3) >= 3:  # a machine may be busy with other things
        took.append(start(live))
        stop(live)
    assert min(took) < 3


def test_the_returned_video_carries_the_box_and_the_page_no_error(live, face_clip):
    start(live)
    emotion = (label(live).text_content() or "").split(" · ")[1]
    colour = list(bytes.fromhex(COLOURS[emotion][1:]))
    expected = count_in_film(face_clip.read_bytes(), colour) + 1000
    video = webcam(live).locator("video")
    assert within(5, lambda: video.evaluate(COUNT_PIXELS, colour) > expected)
    expect(live.get_by_test_id("stMetric").filter(has_text="Recognitions/s")).not_to_contain_text(
        re.compile(r"\b0\.0")
    )
    expect(live.get_by_test_id("stPlotlyChart")).to_have_count(1)
    expect(live.get_by_test_id("stException")).to_have_count(0)
    stop(live)


def test_stop_frees_the_worker_and_start_works_again(live, dashboard):
    start(live)
    assert works(dashboard)
    stop(live)
    assert within(2, lambda: not works(dashboard))
    start(live)
    stop(live)


def test_leaving_the_page_frees_the_worker_within_two_seconds(live, dashboard):
    start(live)
    assert works(dashboard)
    live.get_by_test_id("stSidebarNav").get_by_role("link", name="Overview").click()
    assert within(2, lambda: not works(dashboard))
    wait_ready(live)
    live.get_by_test_id("stSidebarNav").get_by_role("link", name="Live").click()
    expect(button(live, "START")).to_be_visible(timeout=15_000)
    wait_ready(live)
    start(live)
    stop(live)


def test_a_photo_is_recognised_without_a_camera(live):
    live.get_by_role("tab", name="Use a photo").click()
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    photo = {"name": "a.png", "mimeType": "image/png", "buffer": encode(portrait)}
    live.locator("input[type=file]").set_input_files([photo])
    expect(live.get_by_test_id("stDataFrame")).to_be_visible(timeout=10_000)
    expect(live.get_by_role("tabpanel").get_by_test_id("stImage")).to_be_visible()


def encode(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()
