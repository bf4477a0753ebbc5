"""What people write about a run: its display name, a note, tags."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.components.train.attempt import attempt
from pipeline.runs import Notes, Run

_WIDTH_PX = 320


def show_edit(run: Run) -> None:
    """Offer to change what is written about a run."""
    key = _key(run)
    popover = st.popover("Edit…", icon=":material/edit:", key=key, on_change=_renew, args=(run,))
    if not st.session_state.get(key):
        _renew(run)
    with popover, st.form(f"{key}.form", border=False, width=_WIDTH_PX):
        st.text_input("Display name", placeholder=run.name, key=f"{key}.name")
        st.text_area("Note", key=f"{key}.note")
        st.multiselect(
            "Tags", st.session_state[f"{key}.tags"], accept_new_options=True, key=f"{key}.tags",
            placeholder="type a tag, then Enter",
        )  # fmt: skip
        st.text_input(
            "Experiment", key=f"{key}.experiment",
            help="runs of the same experiment are compared as one",
        )  # fmt: skip
        st.form_submit_button(
            "Save", type="primary", key=f"{key}.save", on_click=_save, args=(run,)
        )


def _key(run: Run) -> str:
    return f"train.opened.edit.{run.name}"


def _renew(run: Run) -> None:
    """Let the fields show what was written elsewhere; the others keep what was typed."""
    key, state, notes = _key(run), st.session_state, run.notes()
    shown: Notes = state.get(f"{key}.shown", notes)
    for name, value in notes:
        field = f"{key}.{name}"
        if field not in state or value != getattr(shown, name):
            state[field] = list(value) if isinstance(value, tuple) else value
    state[f"{key}.shown"] = notes


def _save(run: Run) -> None:
    """Write what was changed here; what was written elsewhere meanwhile stays."""
    key, state = _key(run), st.session_state
    typed = {name: _value(state[f"{key}.{name}"]) for name in Notes.model_fields}
    shown: Notes = state[f"{key}.shown"]
    changed = {name: value for name, value in typed.items() if value != getattr(shown, name)}
    notes = run.notes().model_copy(update=changed)
    attempt(run, partial(run.write_notes, notes), partial(state.update, {key: False}))  # closed


def _value(held: Any) -> str | tuple[str, ...]:
    return held.strip() if isinstance(held, str) else tuple(held)
