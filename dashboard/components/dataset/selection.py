"""Which faces of the data set are chosen: filters that any mark on the page can set.

The chosen filters are the page's own state; they go when another data set is shown.
"""

from typing import Any

import streamlit as st

from dashboard.components.dataset.filters import Filters

_FILTERS = "dataset.filters"
_OF = "dataset.filters of"
_NEW = "dataset.filters new"
_PICKED = "dataset.picked"


def choose(**filters: Any) -> None:
    """Choose the faces that all of these filters leave, in place of those chosen before.

    For callbacks.

    Args:
        filters: kind → value, see `FILTERS`; `order` may be one of `ORDERS`.
    """
    st.session_state[_FILTERS] = filters
    st.session_state[_NEW] = True


def just_chosen() -> bool:
    """Tell, once, whether a mark was clicked since this was last asked."""
    return bool(st.session_state.pop(_NEW, False))


def add(kind: str, value: Any) -> None:
    """Choose, among the chosen faces, those that one more filter leaves. For callbacks."""
    st.session_state[_FILTERS] = {**st.session_state.get(_FILTERS, {}), kind: value}


def drop(kind: str) -> None:
    """Take one filter away. For callbacks."""
    filters = st.session_state.get(_FILTERS, {})
    st.session_state[_FILTERS] = {k: v for k, v in filters.items() if k != kind}


def chosen(dataset: str) -> Filters:
    """Return the chosen filters; another data set begins without any, and with no picked face."""
    if st.session_state.get(_OF) != dataset:
        st.session_state[_OF] = dataset
        st.session_state.pop(_FILTERS, None)
        unpick()
    filters: Filters = st.session_state.get(_FILTERS, {})
    return filters


def picked() -> set[int]:
    """Return the positions of the faces that were picked by hand."""
    faces: set[int] = st.session_state.get(_PICKED, set())
    return faces


def pick(face: int) -> None:
    """Pick a face by its position, or let go of it if it is picked."""
    st.session_state[_PICKED] = picked() ^ {face}


def unpick() -> None:
    """Let go of all picked faces."""
    st.session_state.pop(_PICKED, None)
