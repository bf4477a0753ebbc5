"""Actions on the open run: stop, resume, extend, clone, edit, export, delete."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.views.train.export import show_export
from dashboard.views.train.form import fill_form
from dashboard.views.train.navigation import NEW_RUN, RUN, VIEW
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.report.units import size
from pipeline.runs import Notes, Run, RunState, default_name, read_row
from pipeline.storage import cannot_write

_POPOVER_WIDTH_PX = 320
_EXTEND_BY = 10
_MAX_EPOCHS = 10_000
_ERROR = "train.action_error"


def show_actions(run: Run, state: RunState, config: TrainConfig | None) -> None:
    """Show a button for each action that applies to the run's state, and the last action's error.

    Args:
        run: the run.
        state: its state.
        config: its configuration; None if it cannot be read.
    """
    with st.container(horizontal=True, gap="small", key=f"train.open.actions.{run.name}"):
        if state in ("queued", "running"):
            _show_stop(run, state)
        if config and state in ("stopped", "failed", "interrupted"):
            _action_button(run, "Resume", "play_arrow", partial(actions.resume_run, run), "Queued.")
        if config and state in ("stopped", "finished"):
            _show_extend(run, config)
        if config:
            st.button(
                "Clone",
                key=f"train.open.clone.{run.name}",
                icon=":material/content_copy:",
                **editors_only(help="Start a new run from this configuration."),
                on_click=_clone,
                args=(run,),
            )
        _show_edit(run)
        show_export(run, state)
        _show_delete(run, state)
    run_name, error = st.session_state.pop(_ERROR, ("", ""))
    if run_name == run.name:
        show_error(error)


def _perform(run: Run, action: Callable[[], object], then: Callable[[], object]) -> None:
    """Do an action, then another one if it succeeded. For callbacks of buttons."""
    try:
        action()
    except UserError as error:
        st.session_state[_ERROR] = run.name, error.on_page
    except OSError as error:
        failure = cannot_write(f"The files of run '{run.name}' cannot be changed", error)
        st.session_state[_ERROR] = run.name, failure.on_page
    else:
        then()


def _action_button(
    run: Run,
    label: str,
    icon: str,
    action: Callable[[], object],
    message: str,
    *,
    disabled: bool = False,
) -> None:
    st.button(
        label,
        key=f"train.open.{label}.{run.name}",
        icon=f":material/{icon}:",
        on_click=_perform,
        args=(run, action, partial(st.toast, message)),
        **editors_only(disabled=disabled),
    )


def _show_stop(run: Run, state: RunState) -> None:
    stop_now = partial(actions.stop_run, run)
    if state == "queued":
        return _action_button(run, "Cancel", "close", stop_now, "Canceled.")
    label, asked = "Stop after this epoch", run.stop_path.exists()
    stop_later = partial(actions.stop_run, run, now=False)
    # It stays, so that "Stop now" never comes to lie under the pointer.
    _action_button(run, label, "stop_circle", stop_later, "Stops after this epoch.", disabled=asked)
    _action_button(run, "Stop now", "stop", stop_now, "Stopping.")


def _show_extend(run: Run, config: TrainConfig) -> None:
    key = f"train.open.epochs.{run.name}"
    after_head = f" after the {config.head_epochs} of the head" if config.head_epochs else ""
    popover = st.popover(
        "Extend…",
        icon=":material/more_time:",
        key=f"train.open.extend.{run.name}",
        **editors_only(),
    )
    with popover:
        with st.form(f"{key}.form", border=False, width=_POPOVER_WIDTH_PX):
            st.number_input(
                f"Epochs{after_head or ' in total'}",
                1,
                _MAX_EPOCHS,
                key=key,
                value=min(config.epochs + _EXTEND_BY, _MAX_EPOCHS),
                help="The history continues without a gap. EarlyStopping's patience starts over; a "
                "cosine schedule continues from its position on the way to the new end.",
            )
            st.form_submit_button(
                "Extend",
                type="primary",
                key=f"{key}.submit",
                on_click=_extend,
                args=(run, key, after_head),
            )


def _extend(run: Run, key: str, after_head: str) -> None:
    epochs = st.session_state[key]
    message = f"Queued. Continues to {epochs} epochs{after_head}."
    _perform(
        run, partial(actions.resume_run, run, epochs), partial(st.toast, escape_markdown(message))
    )


def _clone(run: Run) -> None:
    def fill() -> None:
        fill_form(run.train_config(), run.config().dataset_fingerprint)

    _perform(run, fill, partial(st.session_state.update, {VIEW: NEW_RUN}))


def _show_edit(run: Run) -> None:
    """Show a popover to edit name, note, tags and experiment."""
    key = _edit_key(run)
    popover = st.popover(
        "Edit…",
        icon=":material/edit:",
        key=key,
        on_change=_load_notes,
        args=(run,),
        **editors_only(),
    )
    if not st.session_state.get(key):
        _load_notes(run)
    with popover, st.form(f"{key}.form", border=False, width=_POPOVER_WIDTH_PX):
        st.text_input("Name", placeholder=default_name(read_row(run)), key=f"{key}.name")
        st.text_area("Note", key=f"{key}.note")
        st.multiselect(
            "Tags",
            st.session_state[f"{key}.tags"],
            accept_new_options=True,
            key=f"{key}.tags",
            placeholder="type a tag, then Enter",
        )
        st.text_input(
            "Experiment",
            key=f"{key}.experiment",
            help="Runs of the same experiment are compared in one table.",
        )
        st.form_submit_button(
            "Save", type="primary", key=f"{key}.save", on_click=_save_notes, args=(run,)
        )


def _edit_key(run: Run) -> str:
    return f"train.open.edit.{run.name}"


def _load_notes(run: Run) -> None:
    """Update the fields that were changed on disk; the others keep what was typed."""
    key, state, notes = _edit_key(run), st.session_state, run.notes()
    loaded: Notes = state.get(f"{key}.loaded", notes)
    for name, value in notes:
        field = f"{key}.{name}"
        if field not in state or value != getattr(loaded, name):
            state[field] = list(value) if isinstance(value, tuple) else value
    state[f"{key}.loaded"] = notes


def _save_notes(run: Run) -> None:
    """Write the fields that were edited here; other changes on disk stay."""
    key, state = _edit_key(run), st.session_state
    loaded: Notes = state[f"{key}.loaded"]
    typed = {name: _note_value(state[f"{key}.{name}"]) for name in Notes.model_fields}
    edited = {name: value for name, value in typed.items() if value != getattr(loaded, name)}
    close = partial(state.update, {key: False})
    _perform(run, partial(actions.change_notes, run, **edited), close)


def _note_value(widget_value: Any) -> str | tuple[str, ...]:
    return widget_value.strip() if isinstance(widget_value, str) else tuple(widget_value)


def _show_delete(run: Run, state: RunState) -> None:
    active = state in ("queued", "running")
    popover = st.popover(
        "Delete…",
        icon=":material/delete:",
        key=f"train.open.delete.{run.name}",
        **editors_only(disabled=active, help="Stop the run first." if active else None),
    )
    if active:
        return
    with popover.container(width=_POPOVER_WIDTH_PX):
        title = escape_markdown(resources.model_names().get(run.name, run.name))
        st.markdown(
            f"**{title}** will be permanently deleted, with its model, history, "
            f"log and evaluations. This frees {size(run.disk_usage())}."
        )
        st.button(
            "Delete permanently",
            key=f"train.open.delete.{run.name}.confirm",
            type="primary",
            on_click=_perform,
            args=(run, partial(actions.remove_run, run), partial(st.session_state.pop, RUN, None)),
        )
