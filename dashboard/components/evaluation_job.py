"""A missing evaluation: why it is missing, a button that makes it, and how far that is."""

from collections.abc import Sequence

import streamlit as st

from pipeline.errors import UserError
from pipeline.evaluation.jobs import EvaluationJob


@st.fragment(run_every="1s")
def show_running(jobs: Sequence[EvaluationJob]) -> None:
    """Show a bar for each running evaluation; when one has ended, run the page again."""
    for job in jobs:
        if not job.running():
            st.rerun()
        st.progress(job.progress(), f"Evaluating {job.model} on {job.dataset}, {job.split}")


def offer_evaluation(key: str, jobs: Sequence[EvaluationJob], label: str) -> None:
    """Offer to do evaluations that are missing, one process after the other.

    Args:
        key: names the button.
        jobs: the missing evaluations, at least one; their data set is in the workspace.
        label: what the button says.
    """
    for job in jobs:
        failure = job.failure()
        if failure:
            st.error(f"{job.model}: {failure}", icon=":material/error:")
    waiting: list[EvaluationJob] = st.session_state.setdefault(f"{key}_waiting", [])
    waiting[:] = [job for job in waiting if job in jobs]
    running = [job for job in jobs if job.running()]
    if not running and waiting:
        job = waiting.pop(0)
        try:
            job.start()
            running = [job]
        except UserError as error:
            st.error(str(error), icon=":material/error:")
    if running:
        show_running(running)
    elif st.button(label, type="primary", icon=":material/play_arrow:", key=key):
        waiting[:] = jobs
        st.rerun()
