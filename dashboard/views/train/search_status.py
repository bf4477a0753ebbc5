"""A search above its trials: how far it is, with buttons to cancel it and to go on."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.queue.search import NOT_PROMISING, Search


def show_search(search: Search) -> None:
    """Show what is searched, and how far it is; the page reruns when the search ends."""
    title = f"Trials chosen by {search.algorithm} from {search.space} (seed {search.seed})"
    st.caption(escape_markdown(title))
    if search.state() == "running":
        _follow(search)
    elif not search.finished:
        failure = search.job.failure()
        if failure:
            show_error(failure)
        else:
            st.caption(f"Canceled: {_progress(search)}.")
        _offer("Resume search", ":material/play_arrow:", partial(actions.start_search, search))


@st.fragment(run_every="2s")
def _follow(search: Search) -> None:
    if search.state() != "running":
        return rerun_for_news()
    st.progress(search.job.progress(), _progress(search))
    _offer("Cancel search", ":material/close:", partial(actions.cancel_search, search))


def _progress(search: Search) -> str:
    """Return how many trials there are, have ended and were cut."""
    rows = search.trials(resources.runs().rows())
    ended = sum(row.state not in ("queued", "running") for row in rows)
    cut = sum(row.status.message == NOT_PROMISING for row in rows)
    early = f", {cut} of them early, as not promising" if cut else ""
    return f"{ended} of {search.samples} trials have ended{early}"


def _offer(label: str, icon: str, action: Callable[[], None]) -> None:
    if st.button(label, icon=icon, **editors_only()):
        try:
            action()
        except UserError as error:
            show_error(error)
        else:
            st.rerun()
