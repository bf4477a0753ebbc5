"""Faces on which two models differ, optionally of one cell of the confusion matrix."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.views.compare.comparison import Comparison
from dashboard.widgets.address import read_parameter
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.evaluated_faces import show_faces, top_prediction
from pipeline.evaluation.comparison import disagreement
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run

_OUTCOME, _GALLERY, _REVEAL = "compare_outcome", "compare.gallery", "compare.reveal"
_LABELED, _PREDICTED = "compare_labeled", "compare_predicted"

Cell = tuple[int, int]


def selected_cell() -> Cell | None:
    """Return label and prediction of the cell in the query parameters."""
    label, predicted = read_parameter(_LABELED), read_parameter(_PREDICTED)
    if label in EMOTIONS and predicted in EMOTIONS:
        return EMOTIONS.index(label), EMOTIONS.index(predicted)
    return None


def select_cell(cell: Cell) -> None:
    """Show the faces of this cell. For callbacks."""
    label, predicted = cell
    st.query_params[_LABELED] = EMOTIONS[label]
    st.query_params[_PREDICTED] = EMOTIONS[predicted]
    st.session_state[_REVEAL] = True
    show_first_page()


def _unselect_cell() -> None:
    for key in (_LABELED, _PREDICTED):
        st.query_params.pop(key, None)
    show_first_page()


def show_first_page() -> None:
    """Go back to the first page of the gallery. For callbacks."""
    st.session_state.pop(_GALLERY, None)


def differing_faces(
    first: Predictions, second: Predictions, cell: Cell | None
) -> dict[str, NDArray[np.intp]]:
    """Return group → positions of its faces.

    Args:
        first: predictions of one model.
        second: predictions of another model for the same faces.
        cell: label and prediction: groups of the faces with this label for which only one model
            makes this prediction. None: groups of the faces that only one model predicts
            correctly, or none, by descending confidence.
    """
    if cell is None:
        return {
            name: disagreement(first, second, first_correct=one, second_correct=other)
            for name, one, other in (
                ("only first correct", True, False),
                ("only second correct", False, True),
                ("both wrong", False, False),
            )
        }
    label, predicted = cell
    labeled = first.y_true == label
    one, other = first.predicted == predicted, second.predicted == predicted
    return {
        f"only first predicts {EMOTIONS[predicted]}": np.flatnonzero(labeled & one & ~other),
        f"only second predicts {EMOTIONS[predicted]}": np.flatnonzero(labeled & other & ~one),
    }


def show_differing_faces(comparison: Comparison, first: Run, second: Run) -> None:
    """Show the faces on which two models differ, of all or of the selected cell."""
    if first.name == second.name:
        return
    evaluation = resources.evaluation(first, comparison.subset)
    predictions, other = evaluation.predictions, resources.predictions(second, comparison.subset)
    cell = selected_cell()
    groups = differing_faces(predictions, other, cell)
    with st.container(horizontal=True, vertical_alignment="center"):
        key = _OUTCOME if cell is None else f"{_OUTCOME}_cell"
        group = choice_bar("Faces", groups, key, wrap=True)
        if cell is not None:
            label = f"labeled {EMOTIONS[cell[0]]}, predicted {EMOTIONS[cell[1]]}"
            st.button(label, icon=":material/close:", on_click=_unselect_cell)
        numbers = " · ".join(f"{len(faces):,} {name}" for name, faces in groups.items())
        st.caption(f"{numbers}; the caption of each face is its label", width="content")
    faces = groups.get(group, next(iter(groups.values())))

    def texts(i: int) -> tuple[str, str]:
        face = int(faces[i])
        one, two = (top_prediction(each.probabilities[face]) for each in (predictions, other))
        return EMOTIONS[predictions.y_true[face]], f"first {one} · second {two}"

    reveal = bool(st.session_state.pop(_REVEAL, False))
    rows = evaluation.rows[faces]
    show_faces(_GALLERY, comparison.subset, evaluation.dataset, rows, texts, reveal=reveal)
