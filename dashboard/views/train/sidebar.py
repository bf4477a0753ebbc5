"""Training in the sidebar of every page: progress, a toast and the tab's title when a run ends."""

import time
from collections.abc import Mapping

import streamlit as st

from dashboard import resources
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from dashboard.widgets.run_progress import ActiveRuns, active_runs, fraction_done, time_left
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.runs import RunRow

_ACTIVE = "sidebar.active"  # run → state at the last refresh
_TOASTS = "sidebar.toasts"  # message and icon of each run that ended, until shown
_LAST_ENDED = "sidebar.last_ended"  # message of the last run that ended, and when
_PAGE_RERUN = "sidebar.page_rerun"
_TITLE_S = 4.0  # how long the title stays: an ended run reruns the page, which is no new page view
_ICONS = {
    "finished": ":material/check:",
    "stopped": ":material/stop:",
    "interrupted": ":material/power_off:",
    "failed": ":material/error:",
}


def show_training(page: str) -> None:
    """Show running and queued runs in the sidebar, and start the queue's worker if it is gone.

    Args:
        page: the title of the page beside it.
    """
    _expire_title()
    rows = resources.runs().rows()
    try:
        queue.ensure_worker(rows)
    except UserError as error:
        with st.sidebar:
            show_error(error)
    waiting = st.container()  # always there: a video that moves to another place would stop
    if active_runs(rows).states or st.session_state.get(_ACTIVE) or _LAST_ENDED in st.session_state:
        st.session_state[_PAGE_RERUN] = True
        with st.sidebar:
            _show_runs(page)
    else:  # even an empty sidebar section draws a line
        with waiting:
            _wait_for_run()


@st.fragment(run_every=5.0)
def _wait_for_run() -> None:
    """Rerun the page when a run starts, whoever started it."""
    if active_runs(resources.runs().rows()).states:
        rerun_for_news()


@st.fragment(run_every=2.0)
def _show_runs(page: str) -> None:
    rows = resources.runs().rows()
    active = active_runs(rows)
    _record_ends(active, {row.run.name: row for row in rows})
    if not st.session_state.pop(_PAGE_RERUN, False):  # the page may rerun again and lose toasts
        _show_toasts()
    _set_title(active, page)
    with st.container(gap="xsmall"):
        for row in active.running:
            st.markdown(f"**{escape_markdown(row.title)}**")
            st.progress(fraction_done(row.status), text=f"{_percent_done(row)} · {time_left(row)}")
        if active.queued:
            st.caption(_queued_text(len(active.queued), more=bool(active.running)))


def _percent_done(row: RunRow) -> str:
    return f"{100 * fraction_done(row.status):.0f}%"


def _queued_text(count: int, more: bool) -> str:
    return f"{count:,} {'more ' if more else ''}{'run' if count == 1 else 'runs'} queued"


def _record_ends(active: ActiveRuns, rows: Mapping[str, RunRow]) -> None:
    """Record each run that has ended since the last refresh."""
    for name in st.session_state.get(_ACTIVE, {}):
        row = rows.get(name)
        if name not in active.states and row is not None:
            message = f"{row.state.capitalize()}: {row.title}"
            st.session_state.setdefault(_TOASTS, []).append((message, _ICONS[row.state]))
            st.session_state[_LAST_ENDED] = (message, time.monotonic())
    st.session_state[_ACTIVE] = active.states


def _show_toasts() -> None:
    for message, icon in st.session_state.pop(_TOASTS, []):
        st.toast(escape_markdown(message), icon=icon, duration="long")


def _set_title(active: ActiveRuns, page: str) -> None:
    """Show the first run's progress in the browser tab's title, or how the last run ended."""
    if active.running:
        title = _percent_done(active.running[0])
    elif _LAST_ENDED in st.session_state:
        title, _ = st.session_state[_LAST_ENDED]
    else:
        return
    st.set_page_config(page_title=f"{title} · {page} · Emotion Detector")


def _expire_title() -> None:
    _, ended_at = st.session_state.get(_LAST_ENDED, ("", time.monotonic()))
    if time.monotonic() - ended_at > _TITLE_S:
        del st.session_state[_LAST_ENDED]
