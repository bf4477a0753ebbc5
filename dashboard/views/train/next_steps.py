"""What to do with a run that has a model: evaluate it, try it live, compare it with the best."""

import streamlit as st

from dashboard import resources
from dashboard.widgets.markdown import escape_markdown
from pipeline.report.model_list import best_rival
from pipeline.runs import Run


def show_next_steps(run: Run) -> None:
    """Show links to the pages that take a run's model; none before it is exported."""
    models = resources.models()
    entry = next((each for each in models if each.run.name == run.name), None)
    if entry is None:
        return
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
