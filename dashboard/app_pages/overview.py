"""Overview: data sets, models, running trainings, and the next step."""

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from dashboard import resources
from dashboard.views.overview.cards import show_dataset, show_model, show_run
from dashboard.views.overview.next_step import show_next_step
from dashboard.widgets.add_model import show_add_model
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.machine import show_machine
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.run_progress import BADGES, active_runs, show_progress
from pipeline.data.dataset import faces_name
from pipeline.data.store import dataset_names
from pipeline.report.model_list import ModelEntry

_MODELS_SHOWN = 4
_QUEUED_SHOWN = 4


def show_active(states: dict[str, str]) -> None:
    """Show running and queued runs; when a run starts or ends, the page reruns."""
    active = active_runs(resources.runs().rows())
    if active.states != states:
        rerun_for_news()
    for row in active.running:
        with st.container(border=True, gap="xsmall"):
            show_run(row, BADGES["running"])
            show_progress(row)
    for row in active.queued[:_QUEUED_SHOWN]:
        show_run(row, BADGES["queued"])
    if len(active.queued) > _QUEUED_SHOWN:
        st.page_link("app_pages/train.py", label=f"All {len(active.queued):,} queued runs")


def show_models(models: Sequence[ModelEntry]) -> None:
    """Show the best models of each data set: those of different ones are not comparable."""
    for _, group in groupby(models, key=lambda entry: entry.fingerprint):
        entries = list(group)
        first = entries[0]
        name = first.dataset or "unknown data"
        split = faces_name(name, first.split) if first.split else name
        st.caption(f"{escape_markdown(split)}, the most accurate first")
        for entry in entries[:_MODELS_SHOWN]:
            show_model(entry)
        if len(entries) > _MODELS_SHOWN:
            st.page_link(
                "app_pages/compare.py",
                label=f"All {len(entries)} models of {escape_markdown(name)}",
                query_params={"compare_models": [entry.run.name for entry in entries]},
            )


st.title("Emotion Detector")
st.markdown(
    "Explore facial-emotion data such as FER-2013, train models on it, evaluate and compare "
    "them, and run them on a camera: seven emotions, all on this machine."
)
names, models, runs = dataset_names(), resources.models(), resources.runs().rows()
show_next_step(names, runs, models)

run_states = active_runs(runs).states
if run_states:
    st.header("Running and queued")
    st.fragment(run_every=1.0)(show_active)(run_states)

left, right = st.columns(2, gap="large")
with left:
    st.header("Data sets")
    for dataset_name in names:
        show_dataset(dataset_name)
    if not names:
        st.caption("None yet. A data set holds faces labeled with emotions, in splits.")
with right:
    st.header("Models")
    show_models(models)
    if not models:
        st.caption("None yet. A finished run becomes a model for photos, videos and camera.")
    show_add_model()
st.header("This machine")
show_machine()
