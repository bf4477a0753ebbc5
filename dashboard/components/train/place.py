"""Which view and which run the Train page shows."""

import streamlit as st

RUNS, NEW_RUN, EXPERIMENTS = "Runs", "New run", "Experiments"

VIEW = "train.view"
"""Session state: the view, as its widget holds it; also in the address."""

RUN = "train.run"
"""Session state: the name of the run that is opened."""

_ASKED = "train.asked"


def open_run(name: str) -> None:
    """Let the page's next run show a run, whatever it shows now."""
    st.session_state[_ASKED] = name


def choose_view(*, runs: bool, experiments: bool) -> str:
    """Show the views to choose from and return the chosen one.

    Args:
        runs: whether there are runs; else a new one is what to begin with.
        experiments: whether there are experiments.
    """
    views = [RUNS, NEW_RUN] + [EXPERIMENTS] * experiments
    if _ASKED in st.session_state:
        st.session_state[VIEW], st.session_state[RUN] = RUNS, st.session_state.pop(_ASKED)
    elif st.session_state.get(VIEW) not in (None, *views):  # its last experiment is gone
        del st.session_state[VIEW]
    return st.segmented_control(
        "View", views, default=RUNS if runs else NEW_RUN, required=True,
        label_visibility="collapsed", key=VIEW, bind="query-params",
    )  # fmt: skip
