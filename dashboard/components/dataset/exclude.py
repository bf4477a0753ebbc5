"""Putting faces onto an exclusion list."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.dataset import selection
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import exclude, exclusion_names
from pipeline.data.findings import without_first
from pipeline.errors import UserError

BY_HAND = "picked by hand"
_LIST = "exclude.list"
_REASON = "exclude.reason"


@st.dialog("Exclude faces")
def ask_exclude(
    dataset: FaceDataset,
    faces: NDArray[np.intp],
    reason: str,
    groups: NDArray[np.int32] | None = None,
) -> None:
    """Ask in a dialog which list faces go to; those that are twins may keep their first.

    Args:
        dataset: the data set.
        faces: positions in it.
        reason: why, as proposed.
        groups: int32 (n,), the group of twins of every face of the data set, if that is known.
    """
    st.markdown(
        "A training or an evaluation passes over the faces of an exclusion list. "
        "The data stay as they are."
    )
    if groups is not None and st.checkbox("Keep the first face of each group", value=True):
        faces = without_first(faces, groups)
    exclusion_form(dataset, faces, reason)


def forget_exclusion() -> None:
    """Forget what was typed for other faces; call it when the form is opened."""
    for key in (_LIST, _REASON):
        st.session_state.pop(key, None)


def exclusion_form(dataset: FaceDataset, faces: NDArray[np.intp], reason: str) -> None:
    """Show to which list faces go and why, and put them onto it on a click.

    Args:
        dataset: the data set.
        faces: positions in it.
        reason: why, as proposed.
    """
    name = st.selectbox(
        "List",
        exclusion_names(dataset.name),
        index=None,
        accept_new_options=True,
        placeholder="choose one, or type a new name",
        key=_LIST,
    )
    reason = st.text_input("Reason", value=reason, key=_REASON)
    label = "Exclude this face" if len(faces) == 1 else f"Exclude {len(faces):,} faces"
    ready = bool(name) and len(faces) > 0
    if st.button(label, type="primary", key="exclude", disabled=not ready) and name:
        try:
            listed = exclude(dataset, name, dict.fromkeys(dataset.ids[faces].tolist(), reason))
        except UserError as error:
            st.error(str(error))
        else:
            selection.unpick(faces.tolist())
            st.toast(f"The list '{name}' now holds {len(listed):,} faces.")
            st.rerun()
