"""Which faces of the data set are chosen: filters that any mark on the page can set.

The chosen filters are the page's own state; they go when another data set is shown.
"""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from dashboard.components.dataset.filters import Filters

_FILTERS = "dataset.filters"
_OF = "dataset.filters of"
_NEW = "dataset.filters new"
_PICKED = "dataset.picked"
GALLERY = "dataset.gallery"
"""Key of the page of the gallery, which begins anew with other faces."""


def begin(*of: str) -> None:
    """Begin without filters and without picked faces where another data set is shown.

    Args:
        of: what tells the data set from others.
    """
    if st.session_state.get(_OF) != of:
        st.session_state[_OF] = of
        _set({})
        st.session_state.pop(_PICKED, None)


def chosen() -> Filters:
    """Return the chosen filters."""
    filters: Filters = st.session_state.get(_FILTERS, {})
    return filters


def choose(**filters: Any) -> None:
    """Choose the faces that all of these filters leave, in place of those chosen before.

    For callbacks.

    Args:
        filters: kind → value, see `FILTERS`; `order` may be one of `ORDERS`.
    """
    _set(filters)
    st.session_state[_NEW] = True


def just_chosen() -> bool:
    """Tell, once, whether a mark was clicked since this was last asked."""
    return bool(st.session_state.pop(_NEW, False))


def add(kind: str, value: Any) -> None:
    """Choose, among the chosen faces, those that one more filter leaves. For callbacks."""
    _set({**chosen(), kind: value})


def drop(kind: str) -> None:
    """Take one filter away, and the order with the last one. For callbacks."""
    left = {k: v for k, v in chosen().items() if k != kind}
    _set(left if kind == "order" or set(left) - {"order"} else {})


def _set(filters: Filters) -> None:
    st.session_state[_FILTERS] = dict(filters)
    st.session_state.pop(GALLERY, None)


def picked() -> set[int]:
    """Return the positions of the faces that were picked by hand."""
    faces: set[int] = st.session_state.get(_PICKED, set())
    return faces


def pick(face: int) -> None:
    """Pick a face by its position, or let go of it if it is picked."""
    st.session_state[_PICKED] = picked() ^ {face}


def unpick(faces: Iterable[int]) -> None:
    """Let go of faces, picked or not."""
    st.session_state[_PICKED] = picked() - set(faces)
