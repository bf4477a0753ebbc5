"""Renaming and removing a data set."""

import streamlit as st

from dashboard import resources
from pipeline.data.jobs import AuditJob
from pipeline.data.store import remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.evaluation.jobs import map_jobs
from pipeline.runs import check_unused

_REFUSED = "dataset.refused"
_WIDTH_PX = 320


def show_manage(name: str) -> None:
    """Offer to rename or remove a data set, which may be damaged.

    Args:
        name: of a data set that is there.
    """
    popover = st.popover("Manage", icon=":material/settings:", key=f"manage {name}")
    with popover.container(width=_WIDTH_PX):
        with st.form(f"rename {name}", border=False):
            new = st.text_input("New name", value=name, help="letters, digits, '.', '_' and '-'")
            if st.form_submit_button("Rename", icon=":material/edit:"):
                _rename(name, new.strip())
        if st.button("Remove…", icon=":material/delete:"):
            _ask_once(name)
        if refused := st.session_state.pop(_REFUSED, ""):
            st.error(refused)


def _rename(name: str, new: str) -> None:
    try:
        check_unused(name)
        _cancel_jobs(name)
        rename_dataset(name, new)
    except UserError as error:
        st.session_state[_REFUSED] = str(error)
    else:
        st.session_state["dataset.imported"] = new  # so that the page stays with it
        st.rerun()


def _ask_once(name: str) -> None:
    try:
        check_unused(name)
    except UserError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.markdown(
        f"**{name}** goes for good, with its exclusion lists and audit. Runs, models and their "
        "evaluations stay; their faces are seen again once the same data is imported."
    )
    st.button("Remove for good", type="primary", on_click=_remove, args=[name])


def _remove(name: str) -> None:
    try:
        check_unused(name)
        _cancel_jobs(name)
        remove_dataset(name)
    except UserError as error:
        st.session_state[_REFUSED] = str(error)
    resources.forget_datasets()


def _cancel_jobs(name: str) -> None:
    for job in (AuditJob(name), *map_jobs(name)):
        job.cancel()
