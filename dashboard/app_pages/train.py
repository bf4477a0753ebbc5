"""Train: configure a run, start it, watch it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.components.train.active import show_active
from dashboard.components.train.experiments import show_experiments
from dashboard.components.train.new_run import show_new_run
from dashboard.components.train.opened import show_run
from dashboard.components.train.place import EXPERIMENTS, NEW_RUN, choose_view
from dashboard.components.train.run_list import show_run_list
from pipeline.data.store import dataset_names
from pipeline.runs import RunRow


def show_runs(rows: Sequence[RunRow]) -> None:
    """Show all runs, then the one that is open."""
    if rows:
        show_run(show_run_list(rows))
    else:
        st.caption("None yet. A run goes on when this page is closed, and is here afterwards.")


def offer_data() -> None:
    """Say what is missing before a run can be configured."""
    st.markdown(
        "Configure a network, train it in the background and watch it learn. "
        "Training needs faces: import a data set first, for example the drawn sample."
    )
    if st.button("Import a data set", type="primary", icon=":material/arrow_forward:"):
        st.switch_page("app_pages/dataset.py")


st.title("Train")
all_runs = resources.runs().rows()
if not all_runs and not dataset_names():
    offer_data()
    st.stop()
show_active(all_runs)
experiments = any(row.notes.experiment for row in all_runs)
view = choose_view(runs=bool(all_runs), experiments=experiments)
if view == NEW_RUN and dataset_names():
    show_new_run()
elif view == NEW_RUN:
    offer_data()
elif view == EXPERIMENTS:
    show_experiments()
else:
    show_runs(all_runs)
