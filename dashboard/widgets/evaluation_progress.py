"""Missing evaluations: a button that starts them, and their progress."""

from collections.abc import Sequence

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.dataset import faces_name
from pipeline.errors import UserError
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.jobs import Job, evaluation_job
from pipeline.runs import Run


@st.fragment(run_every="1s")
def show_running(jobs: dict[str, Job], subset: EvaluationSubset) -> None:
    """Show a progress bar for each running evaluation; rerun the page when one has ended.

    Args:
        jobs: the evaluations by the models' names.
        subset: what the models are evaluated on.
    """
    for model, job in jobs.items():
        if not job.running():
            return rerun_for_news()
        text = f"Evaluating {_name(model)} on {faces_name(subset.dataset, subset.split)}"
        st.progress(job.progress(), escape_markdown(text))


def offer_evaluation(key: str, models: Sequence[Run], subset: EvaluationSubset, label: str) -> None:
    """Offer to evaluate models on a whole split, one process after the other.

    Args:
        key: of the button.
        models: those without an evaluation, at least one.
        subset: the data set, which is in the workspace, and the split.
        label: of the button.
    """
    jobs = {
        model.name: evaluation_job(model.name, subset.dataset, subset.fingerprint, subset.split)
        for model in models
    }
    for model, job in jobs.items():
        if failure := job.failure():
            st.error(escape_markdown(f"{_name(model)}: {failure}"), icon=":material/error:")
    waiting: list[str] = st.session_state.setdefault(f"{key}_waiting", [])
    waiting[:] = [model for model in waiting if model in jobs]
    running = {model: job for model, job in jobs.items() if job.running()}
    if not running and waiting:
        model = waiting.pop(0)
        try:
            actions.start_job(jobs[model])
            running = {model: jobs[model]}
        except UserError as error:
            show_error(error)
    if running:
        show_running(running, subset)
    elif st.button(label, type="primary", icon=":material/play_arrow:", key=key, **editors_only()):
        waiting[:] = jobs
        st.rerun()


def _name(model: str) -> str:
    return resources.model_names().get(model, model)
