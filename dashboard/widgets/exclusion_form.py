"""Faces picked by hand, and the form that adds faces to an exclusion list."""

from collections.abc import Iterable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import actions
from dashboard.access import editors_only
from dashboard.widgets.dialog import dialog
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.audit import without_first
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import check_list_name, exclusion_names
from pipeline.errors import UserError

BY_HAND = "picked by hand"
_LIST = "exclude.list"
_REASON = "exclude.reason"
_PICKED = "dataset.picked"


def picked() -> set[int]:
    """Return the positions of the faces that are picked by hand."""
    faces: set[int] = st.session_state.get(_PICKED, set())
    return faces


def toggle_picked(face: int) -> None:
    """Pick a face by its position, or unpick it."""
    st.session_state[_PICKED] = picked() ^ {face}


def unpick(faces: Iterable[int]) -> None:
    """Unpick faces, whether they are picked or not."""
    st.session_state[_PICKED] = picked() - set(faces)


def clear_picked() -> None:
    """Unpick all faces."""
    st.session_state.pop(_PICKED, None)


@dialog("Exclude faces")
def exclusion_dialog(
    dataset: FaceDataset,
    faces: NDArray[np.intp],
    reason: str,
    groups: NDArray[np.int32] | None = None,
) -> None:
    """Ask in a dialog to which list faces are added.

    Args:
        dataset: the data set.
        faces: positions in it.
        reason: the proposed reason.
        groups: int32 (n,), the group of duplicates of every face of the data set, to offer to
            keep the first face of each group; None not to offer it.
    """
    st.markdown(
        "Training and evaluation can skip the faces of an exclusion list. The data is not changed."
    )
    if groups is not None and st.checkbox("Keep the first face of each group", value=True):
        faces = without_first(faces, groups)
    exclusion_form(dataset, faces, reason)


def reset_exclusion_form() -> None:
    """Forget what was typed for other faces; call it when the form is opened."""
    for key in (_LIST, _REASON):
        st.session_state.pop(key, None)


def exclusion_form(dataset: FaceDataset, faces: NDArray[np.intp], reason: str) -> None:
    """Show a form with list and reason; its button adds the faces to the list.

    Args:
        dataset: the data set.
        faces: positions in it.
        reason: the proposed reason.
    """
    name = _ask_list(dataset)
    reason = st.text_input("Reason", value=reason, key=_REASON)
    label = "Exclude this face" if len(faces) == 1 else f"Exclude {len(faces):,} faces"
    ready = bool(name) and len(faces) > 0
    options = editors_only(disabled=not ready)
    if st.button(label, type="primary", key="exclude", **options) and name:
        try:
            listed = actions.exclude(
                dataset, name, dict.fromkeys(dataset.ids[faces].tolist(), reason)
            )
        except UserError as error:
            show_error(error)
        else:
            unpick(faces.tolist())
            st.toast(f"The list '{escape_markdown(name)}' now holds {len(listed):,} faces.")
            st.rerun()


def _ask_list(dataset: FaceDataset) -> str:
    """Ask for a list, and say at once what is wrong with a new name; empty if none is chosen."""
    typed = st.selectbox(
        "List",
        exclusion_names(dataset.name),
        index=None,
        accept_new_options=True,
        placeholder="choose one, or type a new name, then Enter",
        key=_LIST,
    )
    name = "-".join((typed or "").split())
    if not name:
        return ""
    try:
        check_list_name(name)
    except UserError as error:
        show_error(error)
        return ""
    if name != typed:
        st.caption(f"It will be called **{escape_markdown(name)}**: a name has no spaces.")
    return name
