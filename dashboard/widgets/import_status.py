"""Imports that run, have failed or have ended well, each as a card until it is dismissed."""

import pandas as pd
import streamlit as st

from dashboard.access import editors_only
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.import_jobs import dismiss, finished_imports, requested
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.dataset import split_name
from pipeline.data.importing import LOG
from pipeline.data.store import DatasetInfo, dataset_info
from pipeline.errors import UserError
from pipeline.jobs import Job, import_jobs
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder

_LINES, _LOG_PX = 10, 200

FORM = "import.form"
"""Session state: open the form; the failed import to correct in it, empty for a new one."""


def show_imports() -> None:
    """Show running and failed imports, refreshed while one runs, and those that ended well."""
    jobs = _states()
    if jobs:
        st.fragment(run_every=1.0 if any(jobs.values()) else None)(_show_jobs)(jobs)
    for name in finished_imports():
        _show_finished(name)


def _states() -> dict[Job, bool]:
    return {job: job.running() for job in import_jobs()}


def _show_jobs(shown: dict[Job, bool]) -> None:
    if _states() != shown:
        rerun_for_news()
    for job, running in shown.items():
        if running:
            _show_running(job)
        else:
            _show_failed(job.folder.name, job.failure() or "")


def _show_running(job: Job) -> None:
    name = job.folder.name
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.progress(job.progress(), f"Importing **{escape_markdown(name)}**")
        if st.button("Cancel", key=f"cancel {name}", **editors_only()):
            _dismiss(name)


def _show_failed(name: str, failure: str) -> None:
    with st.container(border=True):
        show_error(f"{name} was not imported. {failure}")
        with st.container(horizontal=True, horizontal_alignment="right"):
            options = editors_only(help="Its files are kept.")
            if requested(name) and st.button(
                "Correct…", key=f"correct {name}", icon=":material/edit:", **options
            ):
                st.session_state[FORM] = name
                st.rerun()
            options = editors_only(help="Deletes the files of this import.")
            if st.button("Dismiss", key=f"dismiss {name}", **options):
                _dismiss(name)


def _dismiss(name: str) -> None:
    try:
        dismiss(name)
    except UserError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    else:
        st.rerun()


def _show_finished(name: str) -> None:
    """Show how many faces of each class went to each split, and what was skipped."""
    try:
        info = dataset_info(name)
    except UserError:
        return  # the page says so
    with st.container(border=True, key=f"imported {name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            title = f"**{escape_markdown(name)}** is imported: {info.faces:,} faces"
            st.markdown(f":material/check_circle: {title}", width="stretch")
            with st.container(horizontal=True, width="content"):
                _show_next_steps(name)
        with st.expander("Faces of each class", expanded=bool(info.skipped)):
            counts, log = st.columns(2, gap="large")
            counts.dataframe(_counts(info), row_height=28, alt="Faces of each class in each split")
            with log:
                _show_skipped(info)


def _show_next_steps(name: str) -> None:
    if st.session_state.get("dataset") != name:
        st.button("Open", key=f"open {name}", on_click=_open, args=(name,))
    if st.button("Train on this", key=f"train {name}", icon=":material/model_training:"):
        st.session_state.update({"train.dataset": name, "train.view": "New run"})
        # Without an address Streamlit does not leave a page whose view stands in its own.
        st.switch_page("app_pages/train.py", query_params={})
    if st.button("Dismiss", key=f"dismiss {name}", **editors_only()):
        _dismiss(name)


def _open(name: str) -> None:
    st.session_state["dataset"] = name


def _counts(info: DatasetInfo) -> pd.DataFrame:
    """Return a row for each emotion and one for all, a column for each split."""
    table = (
        pd.DataFrame(info.counts).rename(columns=split_name).reindex(EMOTIONS).fillna(0).astype(int)
    )
    table.loc["all"] = table.sum()
    return table


def _show_skipped(info: DatasetInfo) -> None:
    """Show the first of the images that were skipped, and offer the list of all."""
    try:
        lines = (dataset_folder(info.name) / LOG).read_text().splitlines()
    except OSError:
        st.caption("No image was skipped.")
        return
    title = f"{info.skipped:,} images were skipped" if info.skipped else "Files that are no images"
    st.markdown(f"**{title}**")
    more = [f"and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else []
    st.code("\n".join([*lines[:_LINES], *more]), language=None, wrap_lines=True, height=_LOG_PX)
    st.download_button(
        "All that was skipped",
        "\n".join(lines),
        f"{info.name}-{LOG}",
        "text/plain",
        on_click="ignore",
        icon=":material/download:",
    )
