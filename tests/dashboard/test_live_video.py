"""A video file on the Live page."""

import csv
import gc
import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pipeline import jobs
from pipeline.processes import ProcessId
from pipeline.vision.jobs import VideoJob
from pipeline.vision.video import COLUMNS
from tests.conftest import wait_for
from tests.dashboard.test_live_page import go, live_page, named, offered, run_name
from tests.vision.clips import face_picture, write_clip

START = "Recognise faces"
PATIENCE_S = 300
FACE_ROWS = """\
0.0000,0,1,10,10,90,90,happy,0.9000,0,0,0,0.9,0,0,0.1
0.1000,1,1,10,10,90,90,happy,0.9000,0,0,0,0.9,0,0,0.1
0.1000,1,2,200,10,90,90,uncertain,0.3000,0,0,0,0.3,0.3,0.3,0.1
0.2000,2,1,10,10,90,90,sad,0.9000,0,0,0,0.1,0.9,0,0
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> bytes:
    """Half a second with one face."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, [face_picture()] * 15).read_bytes()


@pytest.fixture
def endless(monkeypatch):
    """Processes that recognise nothing and do not end by themselves, in place of the command."""
    started: list[subprocess.Popen] = []

    def start(arguments, log):
        log.parent.mkdir(parents=True)
        started.append(subprocess.Popen(["sleep", "600"]))
        return ProcessId.of(started[-1].pid)

    monkeypatch.setattr(jobs, "start_pipeline", start)
    yield started
    for process in started:
        process.kill()
        process.wait()


def uploaded(content: bytes, name: str = "clip.mp4", model: str = "custom_cnn") -> AppTest:
    return upload(live_page("Video file", model), content, name)


def upload(at: AppTest, content: bytes, name: str) -> AppTest:
    at.file_uploader[0].set_value((name, content, "video/mp4")).run()
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> None:
    named(at.button, label).click().run()
    assert not at.exception


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def job_of(at: AppTest) -> VideoJob:
    (job,) = at.session_state["live.shelf"].jobs
    return job


def folder_of(at: AppTest) -> Path:
    return at.session_state["live.shelf"].folder


def ended(at: AppTest) -> AppTest:
    """Wait for the work and run the page as its fragment does then."""
    job = job_of(at)
    wait_for(lambda: not job.running(), PATIENCE_S)
    at.run()
    assert not at.exception
    return at


def made(at: AppTest, rows: str = FACE_ROWS) -> AppTest:
    """Put in place what the command would have made."""
    job_of(at).target.write_bytes(b"a video")
    job_of(at).table.write_text(",".join(COLUMNS) + "\n" + rows)
    at.run()
    assert not at.exception
    return at


def test_at_first_it_says_what_becomes_of_a_video(filled_workspace):
    at = live_page("Video file")
    assert any("gone when you close the page" in caption.value for caption in at.caption)
    assert not at.button and "live.shelf" not in at.session_state


def test_a_video_is_recognised_shown_and_offered(filled_workspace, clip):
    at = uploaded(clip, "my clip.mp4")
    assert labels(at) == [START]
    press(at, START)
    ended(at)

    assert not at.error and not at.button
    assert len(at.get("video")) == 1
    table = at.dataframe[0].value
    assert list(table.index) == [1]
    assert table.loc[1, "frames"] == 14  # a face shows from its second sighting on
    files = offered(at)
    video, name = files["Video, MP4"]
    assert video[4:8] == b"ftyp" and name == "my clip-emotions.mp4"
    text, name = files["Table, CSV"]
    rows = list(csv.reader(io.StringIO(text.decode())))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 15
    assert name == "my clip-emotions.csv"


def test_of_a_video_that_is_cut_off_what_came_back_is_shown_and_that_is_said(
    filled_workspace, tmp_path
):
    pictures = list(np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8))
    clip = write_clip(
        tmp_path / "clip.mp4", pictures, ticks=range(0, 40 * 9000, 9000),
        options={"movflags": "faststart"},
    )  # fmt: skip
    at = uploaded(clip.read_bytes()[: clip.stat().st_size // 2])
    press(at, START)
    ended(at)

    (warning,) = at.warning
    assert re.fullmatch(
        r"Not all of the video could be read: \d\.\d s of it came back\.",
        warning.value.replace("\\", ""),
    )
    assert "Video, MP4" in offered(at)


def test_what_is_no_video_gives_one_sentence_and_can_be_tried_again(filled_workspace):
    at = uploaded(b"time,emotion\n0,happy\n", "notes.mp4")
    press(at, START)
    ended(at)
    (error,) = at.error
    assert "is not a video that can be read" in error.value and "\n" not in error.value
    assert labels(at) == [START]
    assert not at.get("video") and not at.get("download_button")


def test_the_work_is_followed_and_can_be_cancelled(filled_workspace, clip, endless):
    at = uploaded(clip)
    press(at, START)
    (process,) = endless
    assert at.get("progress")[0].proto.text == r"Looking for faces in clip\.mp4"
    assert labels(at) == ["Cancel"]
    (job_of(at).folder / "progress").write_text("0.420")
    at.run()
    assert at.get("progress")[0].proto.value == 42

    press(at, "Cancel")
    process.wait(60)
    assert not at.get("progress") and not at.error
    assert labels(at) == [START]


def test_each_face_is_summed_up(filled_workspace, clip):
    at = made(uploaded(clip))
    table = at.dataframe[0].value
    assert table.reset_index().to_dict("records") == [
        {"track": 1, "first seen": 0.0, "last seen": 0.2, "frames": 3, "mostly": "happy"},
        {"track": 2, "first seen": 0.1, "last seen": 0.1, "frames": 1, "mostly": "uncertain"},
    ]


def test_a_video_without_faces_says_so_and_is_still_offered(filled_workspace, clip):
    at = made(uploaded(clip), rows="")
    assert "No face was found" in at.info[0].value and not at.dataframe
    assert set(offered(at)) == {"Video, MP4", "Table, CSV"}


def test_work_that_ended_between_its_video_and_its_table_is_offered_again(filled_workspace, clip):
    at = uploaded(clip)
    job_of(at).target.write_bytes(b"a video")
    at.run()
    assert not at.exception and labels(at) == [START]


def test_what_one_model_made_is_there_again_after_another_was_looked_at(filled_workspace, clip):
    at = made(uploaded(clip))
    at.selectbox("live_model").set_value(run_name()).run()
    assert labels(at) == [START] and not at.get("video")
    assert run_name() in job_of(at).command
    at.selectbox("live_model").set_value("custom_cnn").run()
    assert not at.button and len(at.get("video")) == 1


def test_another_model_does_not_disturb_the_work(filled_workspace, clip, endless):
    at = uploaded(clip)
    press(at, START)
    at.selectbox("live_model").set_value(run_name()).run()
    assert labels(at) == ["Cancel"] and len(endless) == 1
    assert endless[0].poll() is None


def test_the_detector_reaches_the_command(filled_workspace, clip, monkeypatch):
    monkeypatch.setattr("pipeline.vision.faces.available_detectors", lambda: ["haar", "other"])
    at = live_page("Video file")
    named(at.selectbox, "Detector").set_value("other").run()
    upload(at, clip, "clip.mp4")
    command = job_of(at).command
    assert command[command.index("--detector") + 1] == "other"


def test_another_video_ends_the_work_on_the_one_before_and_takes_its_place(
    filled_workspace, clip, endless
):
    at = uploaded(clip, "first.mp4")
    press(at, START)
    first = job_of(at).source
    upload(at, clip[:-1], "second.MOV")
    endless[0].wait(60)
    assert labels(at) == [START]
    assert job_of(at).source.read_bytes() == clip[:-1]
    assert job_of(at).source.suffix == ".mov"
    assert not first.exists() and len(list(folder_of(at).iterdir())) == 1


def test_a_full_disk_gives_one_sentence(filled_workspace, clip, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dashboard.components.live.video.shutil.copyfileobj", full)
    at = uploaded(clip)
    (error,) = at.error
    assert "No space left on device" in error.value and "free some disk space" in error.value
    assert not at.button


def test_a_video_that_did_not_fit_is_stored_anew(filled_workspace, clip, monkeypatch):
    def full(source, target):
        target.write(source.read(10))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dashboard.components.live.video.shutil.copyfileobj", full)
        at = uploaded(clip)
    at.run()
    assert job_of(at).source.read_bytes() == clip


def test_work_that_cannot_start_gives_one_sentence(filled_workspace, clip, monkeypatch):
    def fails(arguments, log):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs, "start_pipeline", fails)
    at = uploaded(clip)
    press(at, START)
    (error,) = at.error
    assert "'video' cannot start" in error.value and "\n" not in error.value
    assert labels(at) == [START]


def test_when_the_session_ends_its_work_ends_and_its_files_are_gone(
    filled_workspace, clip, endless
):
    at = uploaded(clip)
    press(at, START)
    folder = folder_of(at)
    go(at, "overview")  # the work goes on while another page is looked at
    assert folder.is_dir() and endless[0].poll() is None

    del at
    gc.collect()
    assert not folder.exists()
    endless[0].wait(60)
