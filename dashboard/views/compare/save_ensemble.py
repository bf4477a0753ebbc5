"""Saves the ensemble of the compared models as a model of its own."""

from collections.abc import Sequence

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.jobs import ensemble_job, ensemble_jobs
from pipeline.registry.new_model import check_free
from pipeline.runs import Run

_POPOVER_WIDTH_PX = 320
_SAVE = ":material/save:"
_NAME, _STARTED = "compare.ensemble_name", "compare.ensemble_started"


def offer_to_save(models: Sequence[Run]) -> None:
    """Show a popover that saves the mean of some models' probabilities as a model.

    Args:
        models: two or more.
    """
    jobs = ensemble_jobs()
    for name, job in jobs.items():
        if job.running():
            st.session_state[_STARTED] = name
            return follow_job(job, f"Saving '{escape_markdown(name)}'")
    for name, job in jobs.items():
        show_error(f"'{name}' was not saved: {job.failure() or 'it was interrupted.'}")
        if st.button("Dismiss", key=f"compare.ensemble_dismiss.{name}", **editors_only()):
            actions.cancel_job(job)
            st.rerun()
    if started := st.session_state.pop(_STARTED, ""):
        if started in {entry.run.name for entry in resources.models()}:
            st.session_state[_NAME] = ""
            st.toast(f"'{escape_markdown(started)}' is a model now.")
    with (
        st.popover("Save as model…", icon=":material/merge:"),
        st.container(width=_POPOVER_WIDTH_PX),
    ):
        st.caption("It can then be evaluated, compared and used live as any other model.")
        name = st.text_input("Name", key=_NAME, placeholder="letters, digits, . - _").strip()
        try:
            if name:
                check_free(name)
        except UserError as error:
            show_error(error)
            name = ""
        if not name:
            st.button("Save", type="primary", icon=_SAVE, disabled=True)
            return
        offer_job(ensemble_job(name, [model.name for model in models]), "Save", _SAVE)
