"""What trains and what waits now: how far, in which order, and how to stop it."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard import resources
from dashboard.components.machine import machine_figures
from dashboard.components.plain import plain
from dashboard.components.run_progress import BADGES, active_runs, show_bars
from dashboard.components.train.place import open_run
from pipeline.errors import UserError
from pipeline.runs import RunRow
from pipeline.training import queue

_SHOWN_WAITING = 5
_SAID = "train.said"
_AT_ONCE = "train.at_once"
_AFTER_EPOCH, _NOW = "After this epoch", "Now"


def show_active(rows: Sequence[RunRow]) -> None:
    """Show it each second, and each five where nothing runs, since others may start a run.

    As soon as a run begins or ends, the whole page follows.

    Args:
        rows: all runs as the page knows them, the newest first.
    """
    states = active_runs(rows).states
    st.fragment(run_every=1.0 if states else 5.0)(_show)(states)


def _show(states: dict[str, str]) -> None:
    active = active_runs(resources.runs().rows())
    if active.states != states:
        st.rerun()
    if _SAID in st.session_state:  # a callback of a fragment shows nothing itself
        st.toast(plain(st.session_state.pop(_SAID)), duration="long")
    for row in active.running:
        _show_running(row)
    if active.waiting:
        _show_waiting(active.waiting)
    _show_machine()


def _show_running(row: RunRow) -> None:
    stopping = " :orange-badge[stops after this epoch]" if row.run.stop_path.exists() else ""
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_title(row)
            st.markdown(f"{BADGES['running']}{stopping}", width="stretch")
            key = f"train.active.stop.{row.run.name}"
            st.menu_button(
                "Stop", (_AFTER_EPOCH, _NOW), icon=":material/stop:", key=key,
                on_click=_stop, args=(row, key),
            )  # fmt: skip
        show_bars(row)


def _show_title(row: RunRow) -> None:
    if st.button(
        f"**{plain(row.title)}**", key=f"train.active.open.{row.run.name}", type="tertiary"
    ):
        open_run(row.run.name)
        st.rerun()


def _stop(row: RunRow, key: str) -> None:
    now = st.session_state[key] == _NOW
    said = f"{row.title} is stopping." if now else f"{row.title} stops after this epoch."
    _try(partial(queue.stop, row.run, now=now), said)


def _show_waiting(rows: Sequence[RunRow]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(BADGES["queued"])
        for place, row in enumerate(rows[:_SHOWN_WAITING], start=1):
            _show_place(row, place, last=len(rows))
        if len(rows) > _SHOWN_WAITING:
            st.caption(f"and {len(rows) - _SHOWN_WAITING:,} more wait after these.")


def _show_place(row: RunRow, place: int, last: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[{place}.]", width="content")
        _show_title(row)
        st.space("stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            for label, to in (("Earlier", place - 1), ("Later", place + 1)):
                enabled = 1 <= to <= last
                _small_button(row, label, partial(queue.move, row.run, to), enabled=enabled)
            _small_button(row, "Cancel", partial(queue.stop, row.run), icon=":material/close:")


def _small_button(
    row: RunRow, label: str, action: Callable[[], None], *,
    icon: str | None = None, enabled: bool = True,
) -> None:  # fmt: skip
    st.button(
        label, key=f"train.active.{label}.{row.run.name}", type="tertiary", icon=icon,
        disabled=not enabled, on_click=_try, args=(action,),
    )  # fmt: skip


def _show_machine() -> None:
    """Show how busy the machine is, and how many runs it shall train at once."""
    if st.session_state.get(_AT_ONCE) != queue.at_once():  # another page has changed it
        st.session_state[_AT_ONCE] = queue.at_once()
    with st.container(horizontal=True, vertical_alignment="center"):
        figures = machine_figures()
        words = " · ".join(f"{label.lower()} {value}" for label, value in figures.items())
        st.caption(words, width="stretch")
        st.caption("runs at once", width="content")
        st.number_input(
            "Runs at once", 1, queue.MOST_AT_ONCE, key=_AT_ONCE, width=140, on_change=_set_at_once,
            label_visibility="collapsed",
        )  # fmt: skip


def _set_at_once() -> None:
    _try(partial(queue.set_at_once, st.session_state[_AT_ONCE]))


def _try(action: Callable[[], None], said: str | None = None) -> None:
    """Do what a button says; what speaks against it is one sentence."""
    try:
        action()
    except UserError as error:
        said = str(error)
    if said:
        st.session_state[_SAID] = said
