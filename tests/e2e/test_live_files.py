"""Photos, video files and downloads of the Live page in a real browser."""

import tempfile
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from playwright.sync_api import Error, Page, expect

from pipeline.labels import EMOTIONS
from pipeline.vision.live.timeline import COLUMNS
from tests.conftest import wait_for
from tests.e2e.browser import unfold, wait_ready
from tests.e2e.live import face, start, stop


def download(page: Page, name: str) -> Path:
    """Download a file; again if the browser refuses it, as when it comes 5 s after the click."""
    for _ in range(3):
        try:
            with page.expect_download(timeout=20_000) as download:
                page.get_by_role("button", name=name).click()
            return Path(download.value.path())
        except Error as error:
            refused = error
    raise refused


@pytest.mark.slow
def test_a_photo_is_recognized_without_a_camera(live_tab):
    live_tab.get_by_role("radio", name="Photo").click()
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    content = cv2.imencode(".png", portrait)[1].tobytes()
    photo = {"name": "a.png", "mimeType": "image/png", "buffer": content}
    live_tab.locator("input[type=file]").set_input_files([photo])
    expect(live_tab.get_by_test_id("stDataFrame")).to_be_visible()
    expect(live_tab.get_by_test_id("stImage")).to_be_visible()
    image = cv2.imread(str(download(live_tab, "Image, PNG")))
    assert image.shape == portrait.shape and (image != portrait).any()


@pytest.mark.slow
def test_an_example_is_recognized_with_a_click(live_tab):
    live_tab.get_by_role("radio", name="Photo").click()
    live_tab.get_by_role("radio", name="Example").click()
    expect(face(live_tab)).to_be_visible()
    expect(live_tab.get_by_text("NASA, public domain")).to_be_visible()


def first_frames(clip: Path, frames: int) -> dict[str, object]:
    """Return the first frames of a clip as an upload, at 15 frames a second."""
    target = clip.with_suffix(".mp4")
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=15)
        stream.width, stream.height = 640, 480
        for frame in islice(source.decode(video=0), frames):
            copy = av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24"), format="bgr24")
            out.mux(stream.encode(copy))
        out.mux(stream.encode())
    return {"name": "face.mp4", "mimeType": "video/mp4", "buffer": target.read_bytes()}


@pytest.mark.slow
def test_a_video_file_comes_back_with_its_faces_and_goes_with_its_page(
    live_tab, live_server, face_clip
):
    live_tab.get_by_role("radio", name="Video file").click()
    live_tab.locator("input[type=file]").set_input_files([first_frames(face_clip, 20)])
    live_tab.get_by_role("button", name="Recognize faces").click()
    expect(live_tab.locator("video")).to_be_visible(timeout=60_000)
    table = pd.read_csv(download(live_tab, "Table, CSV"))
    assert set(table["track"]) == {1} and table["frame"].max() == 19
    with av.open(str(download(live_tab, "Video, MP4"))) as video:
        assert sum(1 for _ in video.decode(video=0)) == 20

    server_folders = f"emotion-{live_server.process.pid}-*"
    assert list(Path(tempfile.gettempdir()).glob(server_folders))
    live_tab.goto("about:blank")
    wait_for(lambda: not list(Path(tempfile.gettempdir()).glob(server_folders)), 60)


@pytest.mark.slow
def test_a_recording_is_a_table_a_chart_and_a_video_to_download(live_tab):
    start(live_tab)
    unfold(live_tab, "Record and export")
    live_tab.get_by_text("With video").click()
    wait_ready(live_tab)
    live_tab.get_by_role("button", name="Record", exact=True).click()
    live_tab.wait_for_timeout(1500)
    live_tab.get_by_role("button", name="Stop recording").click()
    table = pd.read_csv(download(live_tab, "Table, CSV"))
    assert list(table) == list(COLUMNS) and len(table) > 3
    np.testing.assert_allclose(table[list(EMOTIONS)].sum(axis=1), 1, atol=1e-3)
    assert "plotly" in download(live_tab, "Timeline, HTML").read_text()
    with av.open(str(download(live_tab, "Video, MP4"))) as video:
        assert sum(1 for _ in video.decode(video=0)) > 10
    live_tab.get_by_role("button", name="Take a still image").click()
    expect(live_tab.get_by_role("button", name="Image, PNG")).to_be_visible()
    snapshot = cv2.imread(str(download(live_tab, "Face 1, PNG")))
    assert snapshot.shape[0] > 200
    stop(live_tab)
    expect(live_tab.get_by_role("button", name="Table, CSV")).to_be_visible()
