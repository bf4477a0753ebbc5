"""A video file in place of the camera."""

import shutil
import tempfile
import weakref
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.components.job import follow_job, offer_job
from dashboard.components.plain import plain
from pipeline.runs import Run
from pipeline.vision.jobs import VideoJob

_SHELF = "live.shelf"
_TYPES = ["mp4", "mov", "m4v", "webm", "mkv", "avi"]


class _Shelf:
    """A folder for a session's video and what is made of it, which goes with the session."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="emotion-"))
        self.jobs: list[VideoJob] = []
        weakref.finalize(self, _clear, self.folder, self.jobs)

    def put(self, upload: UploadedFile) -> Path:
        """Store an upload, once, in place of the one before, whose work is cancelled."""
        source = self.folder / upload.file_id / f"source{Path(upload.name).suffix.lower()}"
        if not source.exists():
            _cancel(self.jobs)
            for former in self.folder.iterdir():
                shutil.rmtree(former)
            source.parent.mkdir()
            partial = source.with_suffix(".part")
            upload.seek(0)
            with partial.open("wb") as file:
                shutil.copyfileobj(upload, file)
            partial.rename(source)
        return source


def _cancel(jobs: list[VideoJob]) -> None:
    while jobs:
        jobs.pop().cancel()


def _clear(folder: Path, jobs: list[VideoJob]) -> None:
    _cancel(jobs)
    shutil.rmtree(folder, ignore_errors=True)


def video_panel(model: Run, detector: str) -> None:
    """Take a video, recognise its faces in a process of its own, and show what came of it.

    Args:
        model: what recognises the faces.
        detector: the face detector's name.
    """
    upload = st.file_uploader("Video file", type=_TYPES, label_visibility="collapsed")
    if upload is None:
        st.caption(
            "Each frame is looked at; the video comes back with its faces drawn, without its "
            "sound, and with a table of them. Both are gone when you close the page."
        )
        return
    try:
        job = _job(upload, model, detector)
    except OSError as error:
        st.error(f"The video cannot be kept ({error.strerror}): free some disk space.")
        return
    if job.running():
        follow_job(job, f"Looking for faces in {plain(upload.name)}")
    elif job.table.is_file() and job.failure() is None:  # it is whole last
        _made(job, upload.name)
    else:
        offer_job(job, "Recognise faces", ":material/play_arrow:")


def _job(upload: UploadedFile, model: Run, detector: str) -> VideoJob:
    """Return the job for an upload, and have it cancelled when the session ends."""
    shelf: _Shelf = st.session_state.setdefault(_SHELF, None) or _Shelf()
    st.session_state[_SHELF] = shelf
    source = shelf.put(upload)
    place = source.parent / f"{model.name}-{detector}"
    place.mkdir(exist_ok=True)
    job = VideoJob(model.name, source, place, detector)
    running = [each for each in shelf.jobs if each.running()]
    if running:
        return running[0]
    if job not in shelf.jobs:
        shelf.jobs[:] = [job]
    return job


def _made(job: VideoJob, name: str) -> None:
    """Show the video with its faces drawn, beside what to take along."""
    if job.remark.is_file():
        st.warning(plain(job.remark.read_text()), icon=":material/warning:")
    left, right = st.columns([3, 2], gap="medium")
    left.video(str(job.target))
    stem = f"{Path(name).stem}-emotions"
    with right:
        _summary(pd.read_csv(job.table))
        for label, made, mime in (
            ("Video, MP4", job.target, "video/mp4"),
            ("Table, CSV", job.table, "text/csv"),
        ):
            st.download_button(
                label, made.read_bytes, f"{stem}{made.suffix}", mime, on_click="ignore",
                icon=":material/download:", key=f"live.video.{mime}",
            )  # fmt: skip


def _summary(faces: pd.DataFrame) -> None:
    """Say for each face how long it was seen and what it showed most."""
    if faces.empty:
        st.info("No face was found. The detector needs faces seen from the front.")
        return
    by_track = faces.groupby("track")
    table = pd.DataFrame(
        {
            "first seen": by_track["time_s"].min(),
            "last seen": by_track["time_s"].max(),
            "frames": by_track.size(),
            "mostly": by_track["emotion"].agg(lambda shown: shown.mode()[0]),
        }
    )
    seconds = st.column_config.NumberColumn(format="%.1f s")
    st.dataframe(table, column_config={"first seen": seconds, "last seen": seconds})
