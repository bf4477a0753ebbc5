"""Saves the ensemble of the compared models as a model of its own."""

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.views.compare.comparison import Comparison
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.jobs import ensemble_job, ensemble_jobs
from pipeline.registry.new_model import check_free

_POPOVER_WIDTH_PX = 320
_SAVE = ":material/save:"
_NAME, _STARTED, _SAVED = (f"compare.ensemble_{name}" for name in ("name", "started", "saved"))


def offer_to_save(comparison: Comparison) -> None:
    """Show a popover that saves the mean of the compared models' probabilities as a model."""
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
            st.session_state[_SAVED] = started
    if saved := st.session_state.get(_SAVED):
        _show_saved(saved, {model.name for model in (*comparison.models, *comparison.missing)})
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
        offer_job(ensemble_job(name, [model.name for model in comparison.paired]), "Save", _SAVE)


def _show_saved(name: str, compared: set[str]) -> None:
    """Say that an ensemble was saved, with links, until it is dismissed."""
    st.success(f"**{escape_markdown(name)}** was saved as a model.", icon=":material/check_circle:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if name not in compared and st.button("Add to comparison", on_click=_compare, args=(name,)):
            st.rerun()  # the whole page
        st.button("Dismiss", on_click=st.session_state.pop, args=(_SAVED, None))
        for page, label, parameter in (
            ("evaluate", "Evaluate", "evaluate_model"),
            ("live", "Try live", "live_model"),
        ):
            st.page_link(f"app_pages/{page}.py", label=label, query_params={parameter: name})


def _compare(name: str) -> None:
    chosen: list[str] = st.session_state["compare_models"]
    if name not in chosen:
        st.session_state["compare_models"] = [*chosen, name]
