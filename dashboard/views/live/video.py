"""Faces in a video file: upload, annotated video, table of faces."""

import shutil
import weakref
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import actions, resources
from dashboard.limits import check_free, check_upload, max_upload_mb
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error, show_warning
from pipeline.errors import UserError
from pipeline.jobs import Job, video_job
from pipeline.runs import Run
from pipeline.storage import cannot_write, write_atomic
from pipeline.vision.video.decode import SUFFIXES

_FILES = "live.video_files"


class _SessionFiles:
    """A temporary folder for a session's video and results, deleted when its page is closed."""

    def __init__(self) -> None:
        self.folder = resources.session_folder()
        self.jobs: list[Job] = []
        weakref.finalize(self, _delete, self.folder, self.jobs)  # also where the server ends

    def store(self, upload: UploadedFile) -> Path:
        """Write an upload, once, in place of the one before, whose job is canceled."""
        source = self.folder / upload.file_id / f"source{Path(upload.name).suffix.lower()}"
        if not source.exists():
            clean_up = partial(_delete, self.folder, self.jobs)
            resources.session_cleanup().call_when_closed(clean_up)
            _cancel(self.jobs)
            self.folder.mkdir(exist_ok=True)  # the page was closed for a while
            for previous in self.folder.iterdir():
                shutil.rmtree(previous)
            check_free(self.folder, upload.size)
            source.parent.mkdir()
            upload.seek(0)
            with write_atomic(source) as unfinished, unfinished.open("wb") as file:
                shutil.copyfileobj(upload, file)
        return source


def _cancel(jobs: list[Job]) -> None:
    while jobs:
        actions.cancel_own_job(jobs.pop())


def _delete(folder: Path, jobs: list[Job]) -> None:
    _cancel(jobs)
    shutil.rmtree(folder, ignore_errors=True)


def show_video(model: Run, detector: str) -> None:
    """Let the user upload a video, recognize its faces in a separate process, show the result.

    Args:
        model: recognizes the faces.
        detector: the face detector's name.
    """
    upload = st.file_uploader(
        "Video file",
        type=sorted(SUFFIXES),
        max_upload_size=max_upload_mb("video"),
        label_visibility="collapsed",
    )
    if upload is None:
        st.caption(
            "Every frame is processed. The result is the video with its faces drawn, without "
            "sound, and a table of them. Both are deleted when you close the page."
        )
        return
    try:
        check_upload(upload, "video")
        files: _SessionFiles = st.session_state.setdefault(_FILES, None) or _SessionFiles()
        st.session_state[_FILES] = files
        source = files.store(upload)
        running = [job for job in files.jobs if job.running()]
        if running:
            doing = f"Recognizing faces in {escape_markdown(upload.name)}"
            return follow_job(running[0], doing, own=True)
        target = source.parent / f"{model.name}-{detector}" / "annotated.mp4"
        table = target.with_name("faces.csv")
        job = video_job(model.name, source, target, table, detector)
        files.jobs[:] = [job]
        if table.is_file() and job.failure() is None:  # the table is written last
            return _show_result(target, table, upload.name)
        shutil.rmtree(target.parent, ignore_errors=True)  # files of a process that was killed
        target.parent.mkdir()
        names = dict.fromkeys((str(source), source.name), upload.name)
        offer_job(job, "Recognize faces", ":material/play_arrow:", names=names, own=True)
    except UserError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    except OSError as error:
        show_error(cannot_write("The video cannot be stored", error, "free some disk space"))


def _show_result(target: Path, table: Path, name: str) -> None:
    """Show the video with its faces drawn, beside the downloads.

    Args:
        target: the video.
        table: the CSV of its faces.
        name: the uploaded file's.
    """
    remark = target.with_suffix(".txt")
    if remark.is_file():
        show_warning(remark.read_text())
    left, right = st.columns([3, 2], gap="medium")
    left.video(str(target), alt="The video with its faces drawn")
    stem = f"{Path(name).stem}-emotions"
    with right:
        _show_faces(pd.read_csv(table))
        for label, file, mime in (
            ("Video, MP4", target, "video/mp4"),
            ("Table, CSV", table, "text/csv"),
        ):
            st.download_button(
                label,
                file.read_bytes,
                f"{stem}{file.suffix}",
                mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"live.video.{mime}",
            )


def _show_faces(faces: pd.DataFrame) -> None:
    """Show when each face was on screen and its most frequent emotion."""
    if faces.empty:
        st.info(
            "No face was found for a second or longer; shorter ones are not listed. The detector "
            "needs faces seen from the front."
        )
        return
    tracks = faces.groupby("track")
    table = pd.DataFrame(
        {
            "first seen": tracks["time_s"].min(),
            "last seen": tracks["time_s"].max(),
            "frames": tracks.size(),
            "most frequent": tracks["emotion"].agg(lambda emotions: emotions.mode()[0]),
        }
    )
    seconds = st.column_config.NumberColumn(format="%.1f s")
    columns = {"first seen": seconds, "last seen": seconds}
    table.index.name = "face"
    st.dataframe(table, column_config=columns, alt="The faces of the video")
