"""Getting data: what to import, and how the imports stand that were started."""

import os
from pathlib import Path

import streamlit as st

from pipeline.data import sample
from pipeline.data.jobs import ImportJob, import_jobs, start_import
from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.workspace import workspace

SAMPLE = "Drawn sample"
UPLOAD = "Upload a file"
PATH = "Path on this machine"
_ENDINGS = (".tar.gz", ".tgz", ".csv", ".zip")


def import_root() -> Path:
    """Return the folder below which paths may be imported: `$EMOTION_IMPORT_ROOT`."""
    return Path(os.environ.get("EMOTION_IMPORT_ROOT") or workspace()).expanduser().resolve()


def allowed_path(text: str) -> Path:
    """Return a path below the import root; relative ones count from there.

    Raises:
        UserError: it leads elsewhere.
    """
    root = import_root()
    path = (root / text.strip()).resolve()
    if not text.strip() or not path.is_relative_to(root):
        raise UserError(f"'{text}' is not below {root}, from where files may be imported.")
    return path


def show_import_form() -> None:
    """Show where data may come from and start the import on a click."""
    way = st.segmented_control(
        "Import from",
        [SAMPLE, UPLOAD, PATH],
        default=SAMPLE,
        required=True,
        label_visibility="collapsed",
    )
    upload, path, votes = None, "", ""
    if way == SAMPLE:
        st.caption("1,400 drawn faces with splits, made here: everything works with no download.")
    elif way == UPLOAD:
        upload = st.file_uploader(
            "FER-2013 as CSV, tar.gz or zip; or a zip of train/<emotion>/ pictures",
            type=["csv", "gz", "tgz", "zip"],
        )
    else:
        path = st.text_input(
            "Path",
            placeholder="fer2013.tar.gz",
            help=f"a CSV, tar.gz, zip or folder of pictures below {import_root()}",
        )
        votes = st.text_input(
            "FER+ votes (optional)",
            placeholder="fer2013new.csv",
            help="a CSV of FER+ votes to join to FER-2013's rows, below the same folder",
        )
    suggestion = _suggestion(sample.NAME if way == SAMPLE else upload.name if upload else path)
    name = st.text_input(
        "Name", value=suggestion, help="letters, digits, '.', '_' and '-'; how it is called here"
    )
    ready = way == SAMPLE or upload is not None or bool(path)
    if st.button("Import", type="primary", icon=":material/download:", disabled=not ready):
        try:
            if upload is not None:
                start_import(name, upload.name, upload)
            elif path:
                ferplus = allowed_path(votes) if votes.strip() else None
                start_import(name, allowed_path(path), ferplus=ferplus)
            else:
                start_import(name, sample.NAME)
        except UserError as error:
            st.error(str(error))
        else:
            st.session_state["dataset.imported"] = name
            st.rerun()


def _suggestion(source: str) -> str:
    """Return a free plain name made from a file's."""
    stem = Path(source.strip()).name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in stem)
    taken, number, name = set(dataset_names()), 2, plain
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def show_import_jobs() -> None:
    """Show the imports that run or have failed, and follow them while one runs."""
    jobs = import_jobs()
    if jobs:
        running = any(job.running() for job in jobs)
        st.fragment(run_every=1.0 if running else None)(_show_jobs)(jobs)


def _show_jobs(shown: list[ImportJob]) -> None:
    if import_jobs() != shown:
        st.rerun()
    for job in shown:
        _show_job(job)


def _show_job(job: ImportJob) -> None:
    failure = job.failure()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if failure:
            st.error(f"{job.name} was not imported. {failure}", width="stretch")
        else:
            st.progress(job.progress(), f"Importing **{job.name}**")
        if st.button("Dismiss" if failure else "Cancel", key=f"cancel {job.name}"):
            job.cancel()
            st.rerun()
