"""One run opened: what it is, what can be done with it, how it learned."""

import streamlit as st

from dashboard.components.plain import plain
from dashboard.components.run_progress import BADGES
from dashboard.components.train.actions import show_actions
from dashboard.components.train.learned import show_learned
from dashboard.components.units import size
from pipeline.errors import UserError
from pipeline.runs import Run, RunConfig, ShownState
from pipeline.runs.damage import damages


def show_run(run: Run) -> None:
    """Show a run; what of it is damaged is said, and the rest is shown.

    Args:
        run: a run of the workspace, which may be gone by now.
    """
    if not run.path.is_dir():
        st.info(f"Run '{plain(run.name)}' is not there any more: it was deleted meanwhile.")
        return
    state, config = run.state(), _config(run)
    _show_header(run, state, config)
    _show_trouble(run, state)
    for sentence in damages(run):
        st.warning(plain(sentence), icon=":material/warning:")
    show_actions(run, state, config.train if config else None)
    show_learned(run, state, config)


def _config(run: Run) -> RunConfig | None:
    try:
        return run.config()
    except UserError:
        return None


def _show_header(run: Run, state: ShownState, config: RunConfig | None) -> None:
    notes = run.notes()
    chips = " ".join(f":gray-badge[{plain(tag)}]" for tag in notes.tags)
    st.markdown(f"### {plain(run.title)} &nbsp; {BADGES[state]} {chips}")
    if notes.note:
        st.text(notes.note)
    facts = [f"`{run.name}`"] if notes.name else []
    if notes.experiment:
        facts.append(f"experiment **{plain(notes.experiment)}**")
    if config:
        facts.append(f"data set **{plain(config.train.dataset)}**")
        if config.exclusion:
            name, faces = plain(config.exclusion.name), config.exclusion.faces
            facts.append(f"without the {faces:,} faces of the exclusion list **{name}**")
    facts.append(f"{size(run.disk())} on disk")
    st.caption(" · ".join(facts))


def _show_trouble(run: Run, state: ShownState) -> None:
    """Say in one sentence what went wrong, and what to do about it."""
    message, epochs = plain(run.status().message), len(run.history())
    done = f"{epochs} epoch{'s' * (epochs != 1)} finished; Resume goes on from there."
    if state == "failed":
        st.error(message or "The training failed without a word: see the log.")
    elif state == "interrupted":
        st.warning(f"{message or 'The training process is gone.'} {done}")
    elif state == "stopped":
        st.info(f"{message or 'Stopped.'} {done}")
