"""Train: configure a run, start it, watch it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.components.faces import strip
from dashboard.components.run_details import run_row, show_run
from dashboard.components.run_progress import active_runs, show_progress
from dashboard.components.train_form import show_train_form
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.runs import Run, list_runs
from pipeline.training import queue
from pipeline.training.augmentation import augment
from pipeline.training.config import TrainConfig
from pipeline.training.options import command_line

_PREVIEWED = 8
_LISTED = 30


def show_augmented(config: TrainConfig) -> None:
    """Show a few training faces, below each what augmentation may make of it."""
    info = dataset_info(config.dataset)
    dataset = resources.dataset(info.name, info.fingerprint)
    if config.exclude:
        dataset = dataset.without(load_exclusions(info.name, config.exclude).reasons)
    train = dataset.indices("train")
    chosen = train[np.linspace(0, len(train) - 1, _PREVIEWED, dtype=int)]
    faces = np.ascontiguousarray(dataset.images[chosen])
    draw = st.session_state.get("train.draw", 0)
    changed = [
        augment(face, config.augmentation, (config.seed, draw, i)) for i, face in enumerate(faces)
    ]
    st.image(strip(faces, _PREVIEWED), width="stretch", alt="training faces as they are")
    st.image(strip(np.stack(changed), _PREVIEWED), width="stretch", alt="the same faces, augmented")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Above as they are, below as an epoch may show them.", width="stretch")
        if st.button("Draw again", icon=":material/casino:", type="tertiary"):
            st.session_state["train.draw"] = draw + 1
            st.rerun()


def show_new_run() -> None:
    """Show the form, the strip, the command and the button that starts it."""
    config = show_train_form()
    command, preview = st.columns(2, gap="large")
    with preview:
        show_augmented(config)
    with command:
        st.caption("The same from a terminal:")
        st.code(command_line(config), language="bash", wrap_lines=True)
        if st.button("Start training", type="primary", icon=":material/play_arrow:"):
            run = queue.submit(config)
            st.toast(f"{run.name} is queued.", icon=":material/schedule:")
            st.rerun()


def show_runs(states: dict[str, str]) -> None:
    """Show what runs and waits, then all runs, then the one that is open.

    As soon as a run begins or ends, the whole page follows.

    Args:
        states: active run → state, as the page knew them.
    """
    active, runs = active_runs(), list_runs()
    if states != states_of(active) or not runs:
        st.rerun()
    for run in active:
        show_progress(run, stoppable=True)
    show_run(chosen_of(runs))


def states_of(runs: list[Run]) -> dict[str, str]:
    """Return run → state."""
    return {run.name: run.state() for run in runs}


def chosen_of(runs: list[Run]) -> Run:
    """Show the newest runs as a table and return the one that is ticked, else the newest."""
    shown = runs[:_LISTED]
    event = st.dataframe(
        pd.DataFrame([run_row(run) for run in shown]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        key=f"train.runs.{len(runs)}",  # a new run is opened at once
        column_config={"accuracy": st.column_config.NumberColumn("accuracy, %", format="%.1f")},
    )
    if len(runs) > _LISTED:
        st.caption(f"The newest {_LISTED} of {len(runs):,} runs.")
    rows = event.selection.rows
    return shown[rows[0] if rows else 0]


def offer_data() -> None:
    """Say what is missing before a run can be configured."""
    st.markdown(
        "Configure a network, train it in the background and watch it learn. "
        "Training needs faces: import a data set first, for example the drawn sample."
    )
    if st.button("Import a data set", type="primary", icon=":material/arrow_forward:"):
        st.switch_page("app_pages/dataset.py")


st.title("Train")
active = states_of(active_runs())
all_runs = list_runs()
if dataset_names():
    with st.expander("New run", expanded=not active, icon=":material/add:"):
        try:
            show_new_run()
        except UserError as error:
            st.error(str(error))
else:
    offer_data()
    if not all_runs:
        st.stop()
st.subheader("Runs")
if not all_runs:
    st.caption("None yet. A run goes on when this page is closed, and is here when you come back.")
    st.stop()
st.fragment(run_every=1.0 if active else None)(show_runs)(active)
