"""Train: configure a run, start it, watch it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.components.faces import strip
from dashboard.components.run_details import run_row, show_run
from dashboard.components.run_progress import ACTIVE, active_runs, show_progress
from dashboard.components.train_form import show_train_form
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
    train = dataset.indices("train")
    chosen = train[np.linspace(0, len(train) - 1, _PREVIEWED, dtype=int)]
    faces = np.ascontiguousarray(dataset.images[chosen])
    draw = st.session_state.get("train.draw", 0)
    changed = [
        augment(face, config.augmentation, (config.seed, draw, i)) for i, face in enumerate(faces)
    ]
    st.image(strip(faces), width="stretch", alt="training faces as they are")
    st.image(strip(np.stack(changed)), width="stretch", alt="the same faces, augmented")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Above as they are, below as the network may see them in an epoch.")
        if st.button("Draw again", icon=":material/casino:", type="tertiary"):
            st.session_state["train.draw"] = draw + 1
            st.rerun()


def show_new_run() -> None:
    """Show the form, the strip, the command and the button that starts it."""
    try:
        config = show_train_form()
        left, right = st.columns([3, 2], gap="large")
        with right:
            show_augmented(config)
        with left:
            st.caption("The same from a terminal:")
            st.code(command_line(config), language="bash", wrap_lines=True)
            if st.button("Start training", type="primary", icon=":material/play_arrow:"):
                run = queue.submit(config)
                st.session_state["train.opened"] = run.name
                st.toast(f"{run.name} is queued.", icon=":material/schedule:")
    except UserError as error:
        st.error(str(error))


def show_runs() -> None:
    """Show what is queued and running, then one run opened, and the table of all."""
    runs = list_runs()
    states = {run.name: run.state() for run in runs}
    seen = st.session_state.get("train.states")
    st.session_state["train.states"] = states
    if seen is not None and any(state in ACTIVE for state in seen.values()) and seen != states:
        st.rerun()
    for run in active_runs():
        show_progress(run, stoppable=True)
    show_run(opened(runs))


def opened(runs: list[Run]) -> Run:
    """Return the run that is open: the chosen one, else the newest."""
    name = st.session_state.get("train.opened")
    return next((run for run in runs if run.name == name), runs[0])


def show_table(runs: list[Run]) -> None:
    """Show the newest runs; a click on a row opens that run."""
    shown = runs[:_LISTED]
    event = st.dataframe(
        pd.DataFrame([run_row(run) for run in shown]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="train.table",
        column_config={"accuracy": st.column_config.NumberColumn("accuracy, %", format="%.1f")},
    )
    if event.selection.rows:
        name = shown[event.selection.rows[0]].name
        if st.session_state.get("train.opened") != name:
            st.session_state["train.opened"] = name
            st.rerun()
