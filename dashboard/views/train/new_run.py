"""New run: the form and, beside it, the estimate, the start button and the training faces."""

import streamlit as st

from dashboard import actions
from dashboard.access import editors_only
from dashboard.views.train.estimate import show_estimate
from dashboard.views.train.form import fill_form, show_form
from dashboard.views.train.navigation import open_run
from dashboard.views.train.sweep import SWEEP_ON, Sweep, counted, show_sweep
from dashboard.views.train.training_data import open_dataset, show_augmentation, show_class_weights
from dashboard.widgets.messages import show_error
from pipeline.config.options import command_line
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Notes
from pipeline.training.run_setup import validate

_NAME, _MAX_NAME = "new_run.name", 80
_STARTED = "new_run.started"  # whether a run was started, so that the next one gets another name


@st.fragment
def show_new_run() -> None:
    """Show the form and its preview; a wrong value gives one sentence instead of the preview."""
    form, preview = st.columns([3, 2], gap="large")
    try:
        with form:
            name = _ask_name()
            config = actions.with_allowed_weights(show_form())
            sweep = show_sweep(config, name) if _show_form_options(config) else None
        with preview:
            dataset = open_dataset(config)
            validate(config, dataset)
            show_estimate(config)
            _show_start(config, name, sweep)
            st.markdown("**Augmentation**")
            show_augmentation(config, dataset)
            st.markdown("**Training faces and class weights**")
            show_class_weights(config, dataset)
    except UserError as error:
        with preview:
            show_error(error)


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


def _show_form_options(config: TrainConfig) -> bool:
    """Show the sweep's switch, whose value is returned, and a button that resets the form."""
    defaults = TrainConfig.model_validate({"dataset": config.dataset})
    with st.container(horizontal=True, vertical_alignment="center"):
        sweep_on = st.toggle("Try several values", key=SWEEP_ON, persist_state="session")
        st.space("stretch")
        st.button(
            "Reset to defaults",
            type="tertiary",
            disabled=config == defaults,
            on_click=fill_form,
            args=(defaults,),
        )
    return sweep_on


def _show_start(config: TrainConfig, name: str, sweep: Sweep | None) -> None:
    if sweep and not sweep.runs:
        st.caption("Select the fields to vary and enter their values.")
        return
    label = f"Start {counted(sweep.runs, 'training')}" if sweep else "Start training"
    if st.button(label, type="primary", icon=":material/play_arrow:", **editors_only()):
        if sweep:
            run = actions.start_experiment(sweep.name, sweep.runs)[0]
        else:
            run = actions.start_run(config, Notes(name=name))
        st.session_state[_STARTED] = True
        open_run(run.name)
        st.rerun()
    st.caption("As a command:")
    command = sweep.command(config) if sweep else command_line(config, name)
    st.code(command, language="bash", wrap_lines=True)
