"""The faces on which two models differ, of all or of one cell of their confusion matrices."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.compare.compared import Compared
from dashboard.components.evaluate.judged import judge
from dashboard.components.judged_faces import said, show_faces
from pipeline.evaluation.comparison import disagreement
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run

_OUTCOME, _GALLERY, _NEW = "compare_outcome", "compare.gallery", "compare.new"
_LABELLED, _PREDICTED = "compare_labelled", "compare_predicted"

Cell = tuple[int, int]


def chosen_cell() -> Cell | None:
    """Return the label and the prediction of the cell that was clicked."""
    asked = st.query_params.get(_LABELLED), st.query_params.get(_PREDICTED)
    if asked[0] in EMOTIONS and asked[1] in EMOTIONS:
        return EMOTIONS.index(asked[0]), EMOTIONS.index(asked[1])
    return None


def choose_cell(cell: Cell) -> None:
    """Show the faces of this cell from now on."""
    label, predicted = cell
    st.query_params[_LABELLED] = EMOTIONS[label]
    st.query_params[_PREDICTED] = EMOTIONS[predicted]
    st.session_state[_NEW] = True
    to_first_page()


def _forget_cell() -> None:
    for key in (_LABELLED, _PREDICTED):
        st.query_params.pop(key, None)
    to_first_page()


def to_first_page() -> None:
    """Begin with the first of the faces again, because they are others now."""
    st.session_state.pop(_GALLERY, None)


def differing_faces(
    first: Predictions, second: Predictions, cell: Cell | None
) -> dict[str, NDArray[np.intp]]:
    """Return what sets faces apart → their positions, those first on which both are surest.

    Args:
        first: what one model said.
        second: what the other said of the same faces.
        cell: label and prediction, of which just one model makes the prediction; None for faces
            that just one gets right, or none.
    """
    if cell is None:
        return {
            "only first right": disagreement(first, second, first_right=True, second_right=False),
            "only second right": disagreement(first, second, first_right=False, second_right=True),
            "both wrong": disagreement(first, second, first_right=False, second_right=False),
        }
    label, predicted = cell
    labelled = first.y_true == label
    says, other = first.predicted == predicted, second.predicted == predicted
    return {
        f"only first says {EMOTIONS[predicted]}": np.flatnonzero(labelled & says & ~other),
        f"only second says {EMOTIONS[predicted]}": np.flatnonzero(labelled & other & ~says),
    }


def show_differing_faces(compared: Compared, first: Run, second: Run) -> None:
    """Show the faces that set two models apart: all, or those of the chosen cell."""
    if first.name == second.name:
        return
    judged, other = judge(first, compared.target), resources.judged(second, compared.target)
    cell = chosen_cell()
    groups = differing_faces(judged.predictions, other, cell)
    with st.container(horizontal=True, vertical_alignment="center"):
        outcome = st.segmented_control(
            "Faces", list(groups), default=next(iter(groups)), required=True,
            label_visibility="collapsed", key=_OUTCOME if cell is None else f"{_OUTCOME}_cell",
            bind="query-params",
        )  # fmt: skip
        if cell is not None:
            words = f"labelled {EMOTIONS[cell[0]]}, called {EMOTIONS[cell[1]]}"
            st.button(words, icon=":material/close:", on_click=_forget_cell)
        numbers = " · ".join(f"{len(faces):,} {name}" for name, faces in groups.items())
        st.caption(f"{numbers}; below each face its label", width="content")
    found = groups.get(outcome, next(iter(groups.values())))

    def words_of(number: int) -> tuple[str, str]:
        face = int(found[number])
        mine, others = judged.predictions.probabilities[face], other.probabilities[face]
        label = EMOTIONS[judged.predictions.y_true[face]]
        return label, f"first {said(mine)} · second {said(others)}"

    reveal = bool(st.session_state.pop(_NEW, False))
    rows = judged.rows[found]
    show_faces(_GALLERY, compared.target, judged.dataset, rows, words_of, reveal=reveal)
