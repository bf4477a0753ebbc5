"""What can be done with an opened run, in one row; only what applies to its state."""

from functools import partial

import streamlit as st

from dashboard.components.plain import plain
from dashboard.components.train.attempt import attempt, show_refused
from dashboard.components.train.downloads import show_downloads
from dashboard.components.train.edit import show_edit
from dashboard.components.train.form import fill_form
from dashboard.components.train.place import NEW_RUN, RUN, VIEW
from dashboard.components.units import size
from pipeline.runs import Run, ShownState
from pipeline.training import queue
from pipeline.training.config import TrainConfig

_WIDTH_PX = 320
_MORE_EPOCHS = 10
_MOST_EPOCHS = 10_000


def show_actions(run: Run, state: ShownState, config: TrainConfig | None) -> None:
    """Show the buttons, and why the last one went wrong.

    Args:
        run: the run.
        state: its state.
        config: its configuration; None where that cannot be read.
    """
    with st.container(horizontal=True, gap="small"):
        if state in ("queued", "running"):
            _show_stops(run, state)
        if config and state in ("stopped", "failed", "interrupted"):
            _button(run, "Resume", "play_arrow", partial(queue.resume, run), "It waits its turn.")
        if config and state in ("stopped", "finished"):
            _show_extend(run, config)
        if config:
            st.button(
                "Clone", key=f"train.opened.clone.{run.name}", icon=":material/content_copy:",
                help="a new run, which begins with this configuration",
                on_click=_clone, args=(run,),
            )  # fmt: skip
        show_edit(run)
        show_downloads(run, state)
        _show_delete(run, state)
    show_refused(run)


def _button(run: Run, label: str, icon: str, action: partial[None], said: str) -> None:
    st.button(
        label, key=f"train.opened.{label}.{run.name}", icon=f":material/{icon}:",
        on_click=attempt, args=(run, action, partial(st.toast, said)),
    )  # fmt: skip


def _show_stops(run: Run, state: ShownState) -> None:
    now = partial(queue.stop, run)
    if state == "queued":
        return _button(run, "Cancel", "close", now, "It will not start.")
    if not run.stop_path.exists():
        later = partial(queue.stop, run, now=False)
        _button(run, "Stop after this epoch", "stop_circle", later, "It stops after this epoch.")
    _button(run, "Stop now", "stop", now, "It is stopping.")


def _show_extend(run: Run, config: TrainConfig) -> None:
    key = f"train.opened.epochs.{run.name}"
    after = f" after the {config.head_epochs} of the head" if config.head_epochs else ""
    with st.popover("Extend…", icon=":material/more_time:", key=f"train.opened.extend.{run.name}"):
        with st.form(f"{key}.form", border=False, width=_WIDTH_PX):
            st.number_input(
                f"Epochs{after or ' in all'}", 1, _MOST_EPOCHS, key=key,
                value=min(config.epochs + _MORE_EPOCHS, _MOST_EPOCHS),
                help="The history goes on without a gap. Early stopping counts anew; a cosine "
                "schedule takes the place that it has there on its way to the new end.",
            )  # fmt: skip
            st.form_submit_button(
                "Extend", type="primary", key=f"{key}.start",
                on_click=_extend, args=(run, key, after),
            )  # fmt: skip


def _extend(run: Run, key: str, after: str) -> None:
    epochs = st.session_state[key]
    said = f"It waits its turn, then goes on to {epochs} epochs{after}."
    attempt(run, partial(queue.resume, run, epochs), partial(st.toast, said))


def _clone(run: Run) -> None:
    def fill() -> None:
        config = run.config()
        fill_form(config.train, config.dataset_fingerprint)

    attempt(run, fill, partial(st.session_state.update, {VIEW: NEW_RUN}))


def _show_delete(run: Run, state: ShownState) -> None:
    active = state in ("queued", "running")
    popover = st.popover(
        "Delete…", icon=":material/delete:", disabled=active, key=f"train.opened.delete.{run.name}",
        help="It has to be stopped first." if active else None,
    )  # fmt: skip
    if active:
        return
    with popover.container(width=_WIDTH_PX):
        st.markdown(
            f"**{plain(run.title)}** goes for good, with its model, its history, its log and its "
            f"evaluations. That frees {size(run.disk())}."
        )
        st.button(
            "Delete for good", key=f"train.opened.delete.{run.name}.yes", type="primary",
            on_click=_delete, args=(run,),
        )  # fmt: skip


def _delete(run: Run) -> None:
    attempt(run, run.remove, partial(st.session_state.pop, RUN, None))
