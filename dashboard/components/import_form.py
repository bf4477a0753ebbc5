"""Getting data: the form, and how the imports stand that were started."""

import re
from pathlib import Path

import streamlit as st

from dashboard.components.import_sources import ask_kaggle, ask_path, ask_sample, ask_upload
from pipeline.data.jobs import ImportJob, import_jobs
from pipeline.data.store import dataset_names
from pipeline.errors import UserError

WAYS = {
    "Drawn sample": ask_sample,
    "Upload": ask_upload,
    "Path on this machine": ask_path,
    "Kaggle": ask_kaggle,
}
_ENDINGS = (".tar.gz", ".tgz", ".tar", ".csv", ".zip")
_LONGEST = 60


def show_import_form() -> None:
    """Show where data may come from and start the import on a click."""
    way = st.segmented_control(
        "Import from",
        list(WAYS),
        default=next(iter(WAYS)),
        required=True,
        label_visibility="collapsed",
    )
    chosen = WAYS[way]()
    name = st.text_input(
        "Name",
        value=suggestion(chosen.called),
        help="letters, digits, '.', '_' and '-'; how it is called here",
    ).strip()
    if st.button("Import", type="primary", icon=":material/download:", disabled=not chosen.called):
        try:
            chosen.start(name)
        except UserError as error:
            st.error(str(error))
        else:
            st.session_state["dataset.imported"] = name
            st.rerun()


def suggestion(source: str) -> str:
    """Return a free plain name made of a file's or a Kaggle data set's; empty if none can be."""
    stem = Path(source).name
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:_LONGEST]
    taken = {*dataset_names(), *(job.name for job in import_jobs())}
    number, name = 2, plain
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def show_import_jobs() -> None:
    """Show the imports that run or have failed, and follow them while one runs."""
    states = _states()
    if states:
        st.fragment(run_every=1.0 if any(states.values()) else None)(_show_jobs)(states)


def _states() -> dict[ImportJob, bool]:
    """Return each import and whether it runs."""
    return {job: job.running() for job in import_jobs()}


def _show_jobs(shown: dict[ImportJob, bool]) -> None:
    if _states() != shown:
        st.rerun()
    for job, running in shown.items():
        _show_job(job, None if running else job.failure())


def _show_job(job: ImportJob, failure: str | None) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        if failure:
            st.error(f"{job.name} was not imported. {failure}", width="stretch")
        else:
            st.progress(job.progress(), f"Importing **{job.name}**")
        if st.button("Dismiss" if failure else "Cancel", key=f"cancel {job.name}"):
            job.cancel()
            st.rerun()
