"""Renaming and removing a data set."""

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.jobs import dataset_jobs
from pipeline.runs import check_unused

_ERROR = "dataset.manage_error"
_WIDTH_PX = 320


def show_manage(name: str) -> None:
    """Show the popover to rename or remove a data set, which may be damaged."""
    popover = st.popover(
        "Manage", icon=":material/settings:", key=f"manage {name}", **editors_only()
    )
    with popover.container(width=_WIDTH_PX):
        with st.form(f"rename {name}", border=False):
            new = st.text_input(
                "New name", value=name, help="Of letters, digits, '.', '_' and '-'."
            )
            if st.form_submit_button("Rename", icon=":material/edit:"):
                _rename(name, new.strip())
        if st.button("Remove…", icon=":material/delete:"):
            _confirm(name)
        if error := st.session_state.pop(_ERROR, ""):
            show_error(error)


def _rename(name: str, new: str) -> None:
    try:
        check_unused(name)
        _cancel_jobs(name)
        actions.rename_dataset(name, new)
    except UserError as error:
        st.session_state[_ERROR] = str(error)
    else:
        st.session_state["dataset.imported"] = new  # the page keeps showing it
        st.rerun()


def _confirm(name: str) -> None:
    try:
        check_unused(name)
    except UserError as error:
        st.session_state[_ERROR] = str(error)
        return
    st.markdown(
        f"**{escape_markdown(name)}** will be permanently deleted, with its exclusion lists and "
        "audit. Runs, models and their evaluations stay; their faces are shown again once the "
        "same data is imported."
    )
    st.button("Remove permanently", type="primary", on_click=_remove, args=[name])


def _remove(name: str) -> None:
    try:
        check_unused(name)
        _cancel_jobs(name)
        actions.remove_dataset(name)
    except UserError as error:
        st.session_state[_ERROR] = str(error)
    resources.forget_datasets()


def _cancel_jobs(name: str) -> None:
    for job in dataset_jobs(name):
        actions.cancel_job(job)
