"""Dialogs that stay open while the page behind them has news."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st

_OPEN = "dialog.open"
Arguments = ParamSpec("Arguments")


def dialog(
    title: str, **options: Any
) -> Callable[[Callable[Arguments, None]], Callable[Arguments, None]]:
    """Return `st.dialog` of a title, for a dialog that `rerun_for_news` leaves open.

    Args:
        title: of the dialog, Markdown.
        options: of `st.dialog`.
    """

    def decorate(show: Callable[Arguments, None]) -> Callable[Arguments, None]:
        shown = st.dialog(title, **{"on_dismiss": "rerun", **options})(show)

        @wraps(show)
        def open_dialog(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            st.session_state[_OPEN] = True
            shown(*args, **kwargs)

        return open_dialog

    return decorate


def forget_dialog() -> None:
    """Say that no dialog is open; a full run of a page, which begins so, has closed it."""
    st.session_state.pop(_OPEN, None)


def rerun_for_news() -> None:
    """Rerun the page from a fragment that refreshes itself.

    While a dialog is open nothing happens: a rerun would close it and lose what was typed. The
    page reruns when it is closed.
    """
    if _OPEN not in st.session_state:
        st.rerun()
