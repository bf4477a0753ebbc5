"""A new run: the form, what it will cost, what its faces look like, and the start."""

import streamlit as st

from dashboard.components.plain import plain
from dashboard.components.train.augmented import show_augmented
from dashboard.components.train.cost import show_cost
from dashboard.components.train.faces import faces_of
from dashboard.components.train.form import fill_form, show_form
from dashboard.components.train.place import open_run
from dashboard.components.train.sweep import SWITCH, Sweep, number_of, show_sweep
from dashboard.components.train.weights import show_class_weights
from pipeline.errors import UserError
from pipeline.training import queue
from pipeline.training.config import TrainConfig
from pipeline.training.experiment import submit_experiment
from pipeline.training.options import command_line


@st.fragment
def show_new_run() -> None:
    """Show the form and, beside it, what follows from it; a wrong value gives a sentence there."""
    form, beside = st.columns([3, 2], gap="large")
    try:
        with form:
            config = show_form()
            sweep = show_sweep(config) if _offer_more(config) else None
        with beside:
            _show_what_follows(config, sweep)
    except UserError as error:
        beside.error(plain(str(error)), icon=":material/error:")


def _offer_more(config: TrainConfig) -> bool:
    """Offer what does something to the form as a whole; tell whether several values are tried."""
    defaults = TrainConfig.model_validate({"dataset": config.dataset})
    with st.container(horizontal=True, vertical_alignment="center"):
        several = st.toggle("Try several values", key=SWITCH, persist_state="session")
        st.space("stretch")
        st.button(
            "Back to the defaults",
            type="tertiary",
            disabled=config == defaults,
            on_click=fill_form,
            args=(defaults,),
        )
    return several


def _show_what_follows(config: TrainConfig, sweep: Sweep | None) -> None:
    dataset = faces_of(config)
    show_cost(config)
    _offer_start(config, sweep)
    st.markdown("**Augmentation**")
    show_augmented(config, dataset)
    st.markdown("**Training faces and class weights**")
    show_class_weights(config, dataset)


def _offer_start(config: TrainConfig, sweep: Sweep | None) -> None:
    if sweep and not sweep.runs:
        st.caption("Choose the fields to vary and give their values, then start from here.")
        return
    label = f"Start {number_of(sweep.runs, 'training')}" if sweep else "Start training"
    if st.button(label, type="primary", icon=":material/play_arrow:"):
        _start(config, sweep)
    command = sweep.command(config) if sweep else command_line(config)
    st.caption("The same from a terminal:")
    st.code(command, language="bash", wrap_lines=True)


def _start(config: TrainConfig, sweep: Sweep | None) -> None:
    """Queue what the form says, and turn to its first run."""
    run = submit_experiment(sweep.name, sweep.runs)[0] if sweep else queue.submit(config)
    open_run(run.name)
    st.rerun()
