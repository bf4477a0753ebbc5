"""A video file on the Live page."""

import csv
import gc
import io
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pipeline import jobs
from pipeline.jobs import Job
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.video.annotate import COLUMNS
from pipeline.vision.video.decode import SUFFIXES
from tests.conftest import wait_for
from tests.dashboard.live.conftest import (
    BUNDLED,
    OTHER,
    downloads,
    go,
    open_page,
    open_part,
    run,
)
from tests.dashboard.pages import labels, press
from tests.vision.clips import face_image, write_clip

START = "Recognize faces"
PATIENCE_S = 300
FACE_ROWS = """\
0.0000,0,1,10,10,90,90,happy,0.9000,0,0,0,0.9,0,0,0.1
0.1000,1,1,10,10,90,90,happy,0.9000,0,0,0,0.9,0,0,0.1
0.1000,1,2,200,10,90,90,uncertain,0.3000,0,0,0,0.3,0.3,0.3,0.1
0.2000,2,1,10,10,90,90,sad,0.9000,0,0,0,0.1,0.9,0,0
"""
FULL = OSError(28, "No space left on device")


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> bytes:
    """One and a half seconds with one face."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, [face_image()] * 15, ticks=range(0, 10**6, 9000)).read_bytes()


def upload(content: bytes, name: str = "clip.mp4", at: AppTest | None = None) -> AppTest:
    at = at or open_part("video")
    at.file_uploader[0].set_value((name, content, "video/mp4"))
    return run(at)


def job_of(at: AppTest) -> Job:
    (job,) = at.session_state["live.video_files"].jobs
    return job


def source_of(at: AppTest) -> Path:
    return Path(job_of(at).command[2])


def target_of(at: AppTest) -> Path:
    return Path(job_of(at).command[3])


def folder_of(at: AppTest) -> Path:
    return at.session_state["live.video_files"].folder


def recognize(at: AppTest) -> AppTest:
    """Start the job, wait for its end, and run the page as its fragment does then."""
    press(at, START)
    job = job_of(at)
    wait_for(lambda: not job.running(), PATIENCE_S)
    return run(at)


def finish(at: AppTest, rows: str = FACE_ROWS) -> AppTest:
    """Put in place what the command would have written."""
    target_of(at).write_bytes(b"a video")
    target_of(at).with_name("faces.csv").write_text(",".join(COLUMNS) + "\n" + rows)
    return run(at)


def test_a_video_is_recognized_shown_and_offered(clip):
    at = open_part("video")
    assert any("deleted when you close the page" in caption.value for caption in at.caption)
    assert not at.button and "live.video_files" not in at.session_state
    upload(clip, "my clip.mp4", at)
    assert labels(at) == [START]
    recognize(at)

    assert not at.error and not at.button
    assert len(at.get("video")) == 1
    table = at.dataframe[0].value
    assert list(table.index) == [1]
    assert table.loc[1, "frames"] == 14  # a face is drawn from its second frame on
    files = downloads(at)
    video, name = files["Video, MP4"]
    assert video[4:8] == b"ftyp" and name == "my clip-emotions.mp4"
    text, name = files["Table, CSV"]
    rows = list(csv.reader(io.StringIO(text.decode())))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 15
    assert name == "my clip-emotions.csv"


@pytest.mark.slow
def test_of_a_truncated_video_the_readable_part_is_shown_with_a_warning(tmp_path):
    frames = list(np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8))
    clip = write_clip(
        tmp_path / "clip.mp4",
        frames,
        ticks=range(0, 40 * 9000, 9000),
        options={"movflags": "faststart"},
    )
    at = recognize(upload(clip.read_bytes()[: clip.stat().st_size // 2]))
    (warning,) = at.warning
    assert re.fullmatch(
        r"Not all of the video could be read: \d\.\d s of it came back\.",
        warning.value.replace("\\", ""),
    )
    assert "Video, MP4" in downloads(at)


@pytest.mark.slow
def test_a_file_that_is_no_video_is_one_sentence_and_can_be_tried_again():
    at = recognize(upload(b"time,emotion\n0,happy\n", "notes.mp4"))
    (error,) = at.error
    assert error.value.startswith("notes.mp4 is not a video that can be read")
    assert "\n" not in error.value
    assert labels(at) == [START]
    assert not at.get("video") and not at.get("download_button")


def test_the_page_takes_the_videos_that_the_command_takes():
    assert {".3gp", ".mts", ".m2ts", ".wmv", ".mpg", ".mpeg", ".avi"} <= SUFFIXES
    at = open_part("video")
    assert set(at.file_uploader[0].proto.type) >= SUFFIXES
    for name in ("a.3gp", "b.MTS", "c.wmv"):
        assert labels(upload(b"a video", name, at)) == [START], name


def test_the_job_shows_its_progress_and_can_be_canceled(clip, endless):
    at = upload(clip)
    press(at, START)
    (process,) = endless
    assert at.get("progress")[0].proto.text == "Recognizing faces in clip.mp4"
    assert labels(at) == ["Cancel"]
    (job_of(at).folder / "progress").write_text("0.420")
    assert run(at).get("progress")[0].proto.value == 42

    press(at, "Cancel")
    process.wait(60)
    assert not at.get("progress") and not at.error
    assert labels(at) == [START]


def test_the_table_has_a_row_for_each_face(clip):
    at = finish(upload(clip))
    assert at.dataframe[0].value.reset_index().to_dict("records") == [
        {"face": 1, "first seen": 0.0, "last seen": 0.2, "frames": 3, "most frequent": "happy"},
        {"face": 2, "first seen": 0.1, "last seen": 0.1, "frames": 1, "most frequent": UNCERTAIN},
    ]


def test_a_video_without_faces_says_so_and_is_still_offered(clip):
    at = finish(upload(clip), rows="")
    assert "No face was found" in at.info[0].value and not at.dataframe
    assert set(downloads(at)) == {"Video, MP4", "Table, CSV"}


def test_a_job_that_ended_before_its_table_was_written_is_offered_again(clip):
    at = upload(clip)
    target_of(at).write_bytes(b"a video")
    assert labels(run(at)) == [START]


def test_each_model_and_detector_has_a_result_of_its_own(clip, other_model):
    at = finish(upload(clip))
    at.session_state.model, at.session_state.detector = OTHER, "another"
    assert labels(run(at)) == [START] and not at.get("video")
    command = job_of(at).command
    assert OTHER in command and command[command.index("--detector") + 1] == "another"
    at.session_state.model, at.session_state.detector = BUNDLED, "haar"
    assert not run(at).button and len(at.get("video")) == 1


def test_another_model_does_not_disturb_a_running_job_and_another_video_ends_it(
    clip, other_model, endless
):
    at = upload(clip, "first.mp4")
    press(at, START)
    at.session_state.model = OTHER
    assert labels(run(at)) == ["Cancel"] and len(endless) == 1
    assert endless[0].poll() is None

    first = source_of(at)
    upload(clip[:-1], "second.MOV", at)
    endless[0].wait(60)
    assert labels(at) == [START]
    assert source_of(at).read_bytes() == clip[:-1]
    assert source_of(at).suffix == ".mov"
    assert not first.exists()
    assert [path for path in folder_of(at).rglob("*") if path.is_file()] == [source_of(at)]


def test_a_full_disk_is_one_sentence_and_the_video_is_stored_at_the_next_try(clip, monkeypatch):
    def full(source, target):
        target.write(source.read(10))
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr("dashboard.views.live.video.shutil.copyfileobj", full)
        at = upload(clip)
    (error,) = at.error
    assert "No space left on device" in error.value and "free some disk space" in error.value
    assert not at.button
    assert not run(at).error
    assert source_of(at).read_bytes() == clip


def test_a_job_that_cannot_start_is_one_sentence(clip, monkeypatch):
    def fails(arguments, log, job_folder):
        raise FULL

    monkeypatch.setattr(jobs, "start_pipeline", fails)
    at = upload(clip)
    press(at, START)
    (error,) = at.error
    assert "'video' cannot start" in error.value and "\n" not in error.value
    assert labels(at) == [START]


def test_a_job_lasts_through_another_page_and_ends_with_its_session_and_files(clip, endless):
    at = upload(clip, at=open_page("Video file"))
    press(at, START)
    folder = folder_of(at)
    go(at, "overview")
    assert folder.is_dir() and endless[0].poll() is None

    del at
    gc.collect()
    assert not folder.exists()
    endless[0].wait(60)


def test_a_video_is_not_stored_on_a_disk_that_is_almost_full(clip, monkeypatch):
    monkeypatch.setenv("EMOTION_MIN_FREE_GB", "1000000")
    at = upload(clip)
    assert "GB must stay free" in at.error[0].value and START not in labels(at)
    assert not list(folder_of(at).iterdir())
