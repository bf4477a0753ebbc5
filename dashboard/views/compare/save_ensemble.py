"""Saves the ensemble of the compared models as a model of its own."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.jobs import ensemble_job
from pipeline.registry.new_model import check_free
from pipeline.runs import Run

_POPOVER_WIDTH_PX = 320
_NAME, _STARTED = "compare.ensemble_name", "compare.ensemble_started"


def offer_to_save(models: Sequence[Run]) -> None:
    """Show a popover that saves the mean of some models' probabilities as a model.

    Args:
        models: two or more.
    """
    names = [model.name for model in models]
    typed = st.session_state.get(_NAME, "").strip()
    if typed and ensemble_job(typed, names).running():
        st.session_state[_STARTED] = typed
    if started := st.session_state.get(_STARTED):
        job = ensemble_job(started, names)
        if job.running():
            return follow_job(job, f"Saving '{escape_markdown(started)}'")
        del st.session_state[_STARTED]
        if started in {entry.run.name for entry in resources.models()}:
            st.session_state[_NAME] = ""
            st.toast(f"'{escape_markdown(started)}' is a model now.")
    with (
        st.popover("Save as model…", icon=":material/merge:"),
        st.container(width=_POPOVER_WIDTH_PX),
    ):
        st.caption("It can then be evaluated, compared and used live as any other model.")
        name = st.text_input("Name", key=_NAME, placeholder="letters, digits, - and _").strip()
        if not name:
            return
        try:
            check_free(name)
        except UserError as error:
            return show_error(error)
        offer_job(ensemble_job(name, names), "Save", ":material/save:")
