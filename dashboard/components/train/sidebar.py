"""A training seen from every page: in the sidebar while it runs, a toast and the title after."""

import time
from collections.abc import Mapping

import streamlit as st

from dashboard import resources
from dashboard.components.plain import plain
from dashboard.components.run_progress import ActiveRuns, active_runs, fraction_done, time_left
from pipeline.errors import UserError
from pipeline.runs import RunRow
from pipeline.training import queue

_SEEN = "training.seen"
_UNTOLD = "training.untold"
_ENDED = "training.ended"
_PAGE_RUNS = "training.page_runs"
_TITLE_STAYS_S = 4.0  # the page that follows an end by itself is not the next one
_ICONS = {
    "finished": ":material/check:",
    "stopped": ":material/stop:",
    "interrupted": ":material/power_off:",
    "failed": ":material/error:",
}


def show_training() -> None:
    """Show what trains in the sidebar, tell how it ends, and see to it that what waits begins."""
    _forget_end()
    rows = resources.runs().rows()
    try:
        queue.tend(rows)
    except UserError as error:
        st.sidebar.error(plain(str(error)), icon=":material/error:")
    if active_runs(rows).states or st.session_state.get(_SEEN) or _ENDED in st.session_state:
        st.session_state[_PAGE_RUNS] = True
        with st.sidebar:
            _follow()
    else:  # even an empty sidebar has a line above it
        _await()


@st.fragment(run_every=5.0)
def _await() -> None:
    """Run the page again as soon as a run begins, wherever it was started."""
    if active_runs(resources.runs().rows()).states:
        st.rerun()


@st.fragment(run_every=2.0)
def _follow() -> None:
    rows = resources.runs().rows()
    active = active_runs(rows)
    _note_ends(active, {row.run.name: row for row in rows})
    if not st.session_state.pop(_PAGE_RUNS, False):  # a page may run anew, which loses toasts
        _tell_ends()
    _set_title(active)
    with st.container(gap="xsmall"):
        for row in active.running:
            _show(row)
        if active.waiting:
            st.caption(_waiting(len(active.waiting), bool(active.running)))


def _show(row: RunRow) -> None:
    st.markdown(f"**{plain(row.title)}**")
    st.progress(fraction_done(row.status), text=f"{_share(row)} · {time_left(row.status)}")


def _share(row: RunRow) -> str:
    return f"{100 * fraction_done(row.status):.0f} %"


def _waiting(count: int, others: bool) -> str:
    return f"{count:,} {'more ' if others else ''}{'run waits' if count == 1 else 'runs wait'}"


def _note_ends(active: ActiveRuns, rows: Mapping[str, RunRow]) -> None:
    """Note of each run that was active at the last look how it ended, if it has; once a session."""
    for name in st.session_state.get(_SEEN, {}):
        row = rows.get(name)
        if name not in active.states and row is not None:
            ended = f"{row.state.capitalize()}: {row.title}"
            st.session_state.setdefault(_UNTOLD, []).append((ended, _ICONS[row.state]))
            st.session_state[_ENDED] = (ended, time.monotonic())
    st.session_state[_SEEN] = active.states


def _tell_ends() -> None:
    for ended, icon in st.session_state.pop(_UNTOLD, []):
        st.toast(plain(ended), icon=icon, duration="long")


def _set_title(active: ActiveRuns) -> None:
    """Let the browser's tab tell how far the first run is, or how the last one ended."""
    if active.running:
        said = _share(active.running[0])
    elif _ENDED in st.session_state:
        said, _ = st.session_state[_ENDED]
    else:
        return
    st.set_page_config(page_title=f"{said} · Emotion Detector")


def _forget_end() -> None:
    _, when = st.session_state.get(_ENDED, ("", time.monotonic()))
    if time.monotonic() - when > _TITLE_STAYS_S:
        del st.session_state[_ENDED]
