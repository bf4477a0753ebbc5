"""What people write about a run: its display name, a note, tags."""

from functools import partial

import streamlit as st

from dashboard.components.train.attempt import attempt
from pipeline.runs import Run

_WIDTH_PX = 320


def show_edit(run: Run) -> None:
    """Offer to change what is written about a run."""
    notes, key = run.notes(), f"train.opened.edit.{run.name}"
    popover = st.popover("Edit…", icon=":material/edit:", key=key, on_change="rerun")
    with popover, st.form(f"{key}.form", border=False, width=_WIDTH_PX):
        st.text_input("Display name", notes.name, placeholder=run.name, key=f"{key}.name")
        st.text_area("Note", notes.note, key=f"{key}.note")
        st.multiselect(
            "Tags", notes.tags, notes.tags, accept_new_options=True, key=f"{key}.tags",
            placeholder="type a tag, then Enter",
        )  # fmt: skip
        st.text_input(
            "Experiment", notes.experiment, key=f"{key}.experiment",
            help="runs of the same experiment are compared as one",
        )  # fmt: skip
        st.form_submit_button(
            "Save", type="primary", key=f"{key}.save", on_click=_save, args=(run,)
        )


def _save(run: Run) -> None:
    key, state = f"train.opened.edit.{run.name}", st.session_state
    notes = run.notes().model_copy(
        update={
            "name": state[f"{key}.name"].strip(),
            "note": state[f"{key}.note"].strip(),
            "tags": tuple(state[f"{key}.tags"]),
            "experiment": state[f"{key}.experiment"].strip(),
        }
    )
    attempt(run, partial(run.write_notes, notes), partial(state.update, {key: False}))  # closed
