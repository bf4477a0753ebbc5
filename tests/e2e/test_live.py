"""The live page in a real browser, with a film of a face in place of the webcam."""

import re
import shutil
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from playwright.sync_api import FrameLocator, Locator, Page, expect

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.timeline import COLUMNS

from .conftest import Server, serve, wait_ready

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


def start(page: Page, within_s: float = 10) -> float:
    """Press START and return the seconds until a face's label shows."""
    pressed = time.monotonic()
    button(page, "START").click()
    expect(label(page)).to_be_visible(timeout=1000 * within_s)
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
    return bool(re.search(r"worker\.py\", line \d+ in _work", dashboard.threads()))


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
    emotion = re.split(r" · |, ", label(live).text_content() or "")[1]
    colour = list(bytes.fromhex(COLOURS[emotion][1:]))
    expected = count_in_film(face_clip.read_bytes(), colour) + 1000
    video = webcam(live).locator("video")
    assert within(5, lambda: video.evaluate(COUNT_PIXELS, colour) > expected)
    expect(live.get_by_test_id("stMetric").filter(has_text="Recognitions/s")).not_to_contain_text(
        re.compile(r"\b0\.0")
    )
    expect(live.get_by_role("img", name="in the last minute")).to_be_visible()
    expect(live.get_by_role("cell", name="Frame to faces")).to_be_visible()
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
    live.get_by_role("radio", name="Photo").click()
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    photo = {"name": "a.png", "mimeType": "image/png", "buffer": encode(portrait)}
    live.locator("input[type=file]").set_input_files([photo])
    expect(live.get_by_test_id("stDataFrame")).to_be_visible(timeout=10_000)
    expect(live.get_by_test_id("stImage")).to_be_visible()
    with live.expect_download() as download:
        live.get_by_role("button", name="Picture, PNG").click()
    picture = cv2.imread(str(download.value.path()))
    assert picture.shape == portrait.shape and (picture != portrait).any()


def test_a_video_file_comes_back_with_its_faces_and_a_table(live, face_clip):
    live.get_by_role("radio", name="Video file").click()
    live.locator("input[type=file]").set_input_files([video_of(face_clip, frames=20)])
    live.get_by_role("button", name="Recognise faces").click()
    expect(live.locator("video")).to_be_visible(timeout=60_000)
    with live.expect_download() as download:
        live.get_by_role("button", name="Table, CSV").click()
    table = pd.read_csv(download.value.path())
    assert set(table["track"]) == {1} and table["frame"].max() == 19
    with live.expect_download() as download:
        live.get_by_role("button", name="Video, MP4").click()
    assert frames_of(download.value.path()) == 20


def video_of(film: bytes, frames: int) -> dict[str, object]:
    """Return the first frames of the film as an upload."""
    target = film.with_suffix(".mp4")
    with av.open(str(film)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height = 640, 480
        for frame in islice(source.decode(video=0), frames):
            plain = av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24"), format="bgr24")
            out.mux(stream.encode(plain))
        out.mux(stream.encode())
    return {"name": "face.mp4", "mimeType": "video/mp4", "buffer": target.read_bytes()}


def frames_of(video: Path) -> int:
    with av.open(str(video)) as source:
        return sum(1 for _ in source.decode(video=0))


def test_settings_reach_the_worker_and_are_kept_through_a_page_change(live):
    start(live)
    smallest = live.get_by_role("slider", name="Smallest face")
    smallest.press("End")
    expect(live.get_by_text("Looking for a face")).to_be_visible(timeout=10_000)
    live.get_by_test_id("stSidebarNav").get_by_role("link", name="Overview").click()
    wait_ready(live)
    live.get_by_test_id("stSidebarNav").get_by_role("link", name="Live").click()
    expect(button(live, "START")).to_be_visible(timeout=15_000)
    expect(smallest).to_have_value("200")
    smallest.press("Home")
    wait_ready(live)
    start(live)
    stop(live)


def test_hidden_faces_are_blurred_in_the_video_and_on_the_page(live):
    start(live)
    picture = live.get_by_alt_text("What the model sees")
    expect(picture).to_be_visible()
    live.get_by_text("Hide faces").click()
    expect(picture).to_have_count(0)
    expect(label(live)).to_be_visible()
    stop(live)


def test_a_recording_is_a_table_and_a_chart_to_download(live):
    start(live)
    live.get_by_role("tab", name="Take along").click()
    live.get_by_role("button", name="Record", exact=True).click()
    live.wait_for_timeout(1500)
    live.get_by_role("button", name="Stop recording").click()
    with live.expect_download() as download:
        live.get_by_role("button", name="Table, CSV").click()
    table = pd.read_csv(download.value.path())
    assert list(table) == list(COLUMNS) and len(table) > 3
    np.testing.assert_allclose(table[list(EMOTIONS)].sum(axis=1), 1, atol=1e-3)
    with live.expect_download() as download:
        live.get_by_role("button", name="Timeline, HTML").click()
    assert "plotly" in Path(download.value.path()).read_text()
    live.get_by_role("button", name="Take a picture").click()
    expect(live.get_by_role("button", name="Picture, PNG")).to_be_visible()
    stop(live)


def test_a_damaged_model_is_told_of_while_the_video_goes_on_and_another_takes_over(
    page, trained, tmp_path
):
    workspace = tmp_path / "workspace"
    shutil.copytree(trained, workspace)
    (run,) = (workspace / "runs").iterdir()
    with serve(workspace, tmp_path / "server.log") as server:
        page.goto(f"{server.url}/live?live_model=custom_cnn")
        expect(button(page, "START")).to_be_visible(timeout=20_000)
        start(page)
        (run / "openvino" / "model.bin").write_bytes(b"damaged")
        choose_model(page, run.name)
        expect(page.get_by_text("is missing or damaged")).to_be_visible(timeout=10_000)
        expect(label(page)).to_be_visible()
        expect(button(page, "STOP")).to_be_visible()
        choose_model(page, "custom_cnn")
        expect(page.get_by_text("is missing or damaged")).to_have_count(0)
        expect(label(page)).to_be_visible()
        stop(page)


def choose_model(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=name, exact=True).click()


def test_two_tabs_share_the_models_and_the_third_is_told_that_places_are_taken(
    browser, trained, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_VIEWERS", "2")
    with serve(trained, tmp_path / "server.log") as server:
        pages = [browser.new_context().new_page() for _ in range(3)]
        for page in pages[:2]:
            page.goto(f"{server.url}/live")
            expect(button(page, "START")).to_be_visible(timeout=20_000)
            start(page)
        first, second, third = pages
        third.goto(f"{server.url}/live")
        expect(third.get_by_text("All 2 places of this server are taken")).to_be_visible(
            timeout=20_000
        )
        stop(second)
        expect(label(first)).to_be_visible()
        expect(button(third, "START")).to_be_visible(timeout=15_000)
        start(third, within_s=30)
        for page in pages:
            page.context.close()


def test_a_camera_that_is_denied_is_explained(denying_browser, dashboard):
    page = denying_browser.new_context().new_page()
    page.goto(f"{dashboard.url}/live")
    button(page, "START").click(timeout=20_000)
    expect(webcam(page).get_by_text("NotAllowedError")).to_be_visible(timeout=10_000)
    page.get_by_text("The camera does not start?").click()
    expect(page.get_by_role("cell", name="NotAllowedError")).to_be_visible()


def encode(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()
