"""Which view and which run the Train page shows."""

from collections.abc import Collection

import streamlit as st

from dashboard.widgets.address import read_choice
from dashboard.widgets.choice_bar import choice_bar

RUNS, NEW_RUN, EXPERIMENTS = "Runs", "New run", "Experiments"

VIEW = "train.view"
"""Session state: the selected view, as its widget stores it; also in the address."""

RUN = "train.run"
"""Session state: the name of the open run; also in the address, so that a link can be sent."""

EXPERIMENT = "train.experiment"
"""Session state: the name of the selected experiment; also in the address."""

_REQUESTED_RUN = "train.requested_run"
_REQUESTED_EXPERIMENT = "train.requested_experiment"


def open_run(name: str) -> None:
    """Open a run at the page's next rerun, whatever the page shows now."""
    st.session_state[_REQUESTED_RUN] = name


def open_experiment(name: str) -> None:
    """Open an experiment at the page's next rerun, whatever the page shows now."""
    st.session_state[_REQUESTED_EXPERIMENT] = name


def select_view(runs: Collection[str], *, experiments: bool) -> str:
    """Show the views to select from and return the selected one.

    Args:
        runs: the names of all runs; without any, "New run" is the default.
        experiments: whether there are experiments.
    """
    views = [RUNS, NEW_RUN] + [EXPERIMENTS] * experiments
    if asked := read_choice(RUN, runs):
        open_run(asked[0])
    if _REQUESTED_RUN in st.session_state:
        st.session_state[VIEW], st.session_state[RUN] = RUNS, st.session_state.pop(_REQUESTED_RUN)
    elif _REQUESTED_EXPERIMENT in st.session_state:
        st.session_state[VIEW] = EXPERIMENTS
        st.session_state[EXPERIMENT] = st.session_state.pop(_REQUESTED_EXPERIMENT)
    elif st.session_state.get(VIEW) not in (None, *views):  # its last experiment is gone
        del st.session_state[VIEW]
    return choice_bar("View", views, VIEW, default=RUNS if runs else NEW_RUN)
