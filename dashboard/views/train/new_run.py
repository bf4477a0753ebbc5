"""New run: presets, the form with its start bar and, beside it, the estimate and the faces."""

from functools import partial

import streamlit as st

from dashboard import actions
from dashboard.views.train.estimate import show_estimate
from dashboard.views.train.form import show_form
from dashboard.views.train.navigation import open_experiment, open_run
from dashboard.views.train.presets import show_presets
from dashboard.views.train.space import SpaceSearch, show_space
from dashboard.views.train.start_bar import show_blocked, show_start
from dashboard.views.train.sweep import SWEEP_ON, Sweep, show_sweep
from dashboard.views.train.training_data import (
    checked,
    open_dataset,
    show_augmentation,
    show_class_weights,
)
from dashboard.widgets.choice_bar import choice_bar
from pipeline.config.options import command_line
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Notes

_NAME, _MAX_NAME = "new_run.name", 80
_ALL, _SEARCH = "All combinations", "Search ranges"
_STARTED = "new_run.started"  # whether a run was started, so that the next one gets another name


@st.fragment
def show_new_run() -> None:
    """Show the form and its preview; a wrong value is named at its field and has no preview."""
    left, preview = st.columns([3, 2], gap="large")
    with left:
        show_presets()
        name = _ask_name()
        form = show_form()
        try:
            config = checked(form.config())
        except UserError as error:
            show_blocked(error, form.show_error(error))
            return
        sweep = _show_sweep(config, name) if _ask_sweep() else None
        show_start(config, sweep, partial(_start, config, name, sweep))
    with preview:
        _show_preview(config, name, sweep)


def _ask_name() -> str:
    if st.session_state.pop(_STARTED, False):
        st.session_state[_NAME] = ""
    name = st.text_input(
        "Name",
        placeholder="architecture · data set · date",
        max_chars=_MAX_NAME,
        key=_NAME,
        persist_state="session",
        help="What the run is called on every page. It can be changed later.",
    )
    return name.strip()


def _ask_sweep() -> bool:
    return st.toggle(
        "Try several values",
        key=SWEEP_ON,
        persist_state="session",
        help="Starts a run for every combination of values, or searches ranges of values.",
    )


def _show_sweep(config: TrainConfig, name: str) -> Sweep | SpaceSearch:
    with st.container(border=True, gap="small"):
        kind = choice_bar("Trials", (_ALL, _SEARCH), "train.sweep.kind", persist_state="session")
        return show_sweep(config, name) if kind == _ALL else show_space(config, name)


def _start(config: TrainConfig, name: str, sweep: Sweep | SpaceSearch | None) -> None:
    if isinstance(sweep, SpaceSearch):
        search = sweep.checked()
        actions.start_search(search)
        st.session_state[_STARTED] = True
        open_experiment(search.name)
        st.rerun()
    if sweep:
        run = actions.start_experiment(sweep.name, sweep.runs)[0]
    else:
        run = actions.start_run(config, Notes(name=name))
    st.session_state[_STARTED] = True
    open_run(run.name)
    st.rerun()


def _show_preview(config: TrainConfig, name: str, sweep: Sweep | SpaceSearch | None) -> None:
    missing = sweep.without_estimate() if sweep else []
    show_estimate(missing[0] if missing else config)
    if not sweep or sweep.ready:
        st.caption("As a command:")
        command = sweep.command(config) if sweep else command_line(config, name)
        st.code(command, language="bash", wrap_lines=True)
    dataset = open_dataset(config)
    st.markdown("**Augmentation**")
    show_augmentation(config, dataset)
    st.markdown("**Training faces and class weights**")
    show_class_weights(config, dataset)
