"""Train: configure a run, start it, watch it, compare it with others."""

import streamlit as st

from dashboard import resources
from dashboard.access import read_only_reason
from dashboard.views.train.active_runs import show_active
from dashboard.views.train.experiments import show_experiments
from dashboard.views.train.navigation import EXPERIMENTS, NEW_RUN, RUN, RUNS, select_view
from dashboard.views.train.new_run import show_new_run
from dashboard.views.train.run_detail import show_run
from dashboard.views.train.run_list import show_run_list
from dashboard.widgets.address import write_choice
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.store import dataset_names
from pipeline.installation import missing_tensorflow
from pipeline.queue.search import searches


def show_import() -> None:
    """Explain that training needs a data set, with a button to import one."""
    st.markdown(
        "Configure a network, train it in the background and watch its metrics. "
        "Training needs faces: import a data set first, for example the synthetic sample."
    )
    if st.button("Import a data set", type="primary", icon=":material/arrow_forward:"):
        st.switch_page("app_pages/dataset.py", query_params={})


st.title("Train")
runs = resources.runs().rows()
if not runs and not dataset_names():
    show_import()
    st.stop()

show_active(runs)
view = select_view(
    [row.run.name for row in runs],
    experiments=any(row.notes.experiment for row in runs) or bool(searches()),
)
if view != RUNS:
    write_choice(RUN, [])
if view == NEW_RUN and (reason := read_only_reason() or missing_tensorflow()):
    st.info(escape_markdown(reason), icon=":material/lock:")
elif view == NEW_RUN and dataset_names():
    show_new_run()
elif view == NEW_RUN:
    show_import()
elif view == EXPERIMENTS:
    show_experiments()
elif runs:
    opened = show_run_list(sorted(runs, key=lambda row: row.kind != "trained"))
    write_choice(RUN, [opened.name])
    show_run(opened)
else:
    st.caption("No runs yet. A run continues in the background when this page is closed.")
