"""What to do with a run that has ended: finish it, evaluate it, try it live, compare it."""

import streamlit as st

from dashboard import resources
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from pipeline.jobs import finish_job
from pipeline.report.model_list import best_rival
from pipeline.runs import Run, RunState


def show_next_steps(run: Run, state: RunState) -> None:
    """Show links to the pages that take a run's model, or offer to export and evaluate it.

    Args:
        run: the run.
        state: its state.
    """
    models = resources.models()
    entry = next((each for each in models if each.run.name == run.name), None)
    if entry is None:
        return _offer_to_finish(run, state)
    rival = best_rival(entry, models)
    with st.container(horizontal=True, gap="small"):
        if st.button("Evaluate", type="primary", icon=":material/query_stats:"):
            st.switch_page("app_pages/evaluate.py", query_params={"evaluate_model": run.name})
        if st.button("Try live", icon=":material/videocam:"):
            st.switch_page("app_pages/live.py", query_params={"live_model": run.name})
        if rival and st.button(
            "Compare with the best",
            icon=":material/compare_arrows:",
            help=escape_markdown(rival.label),
        ):
            names = [run.name, rival.run.name]
            st.switch_page("app_pages/compare.py", query_params={"compare_models": names})


def _offer_to_finish(run: Run, state: RunState) -> None:
    """Offer to finish a run that has ended with a model of its best epoch so far."""
    if state in ("queued", "running") or run.history().empty:
        return
    job = finish_job(run.name)
    if job.running():
        follow_job(job, "Exporting and evaluating")
    else:
        offer_job(job, "Finish: export and evaluate", ":material/flag:")
