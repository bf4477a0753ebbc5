"""Gallery of faces with the predictions of models; a click opens a face."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.widgets.face_detail import show_detail
from dashboard.widgets.gallery import Tile, gallery
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import FaceDataset
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.labels import EMOTIONS

_PER_PAGE = 27
_MIN_SHOWN_PROBABILITY = 0.05


def _with_probability(emotion: int, probabilities: NDArray[np.float32]) -> str:
    return f"{EMOTIONS[emotion]} {100 * float(probabilities[emotion]):.0f}%"


def top_prediction(probabilities: NDArray[np.float32]) -> str:
    """Return the most likely emotion of a face, float32 (7,), with its probability."""
    return _with_probability(int(probabilities.argmax()), probabilities)


def next_best_predictions(probabilities: NDArray[np.float32]) -> str:
    """Return the next two emotions of a face, float32 (7,), if they have at least 5%."""
    order = np.argsort(-probabilities, kind="stable")[1:3]
    return " · ".join(
        _with_probability(int(i), probabilities)
        for i in order
        if probabilities[i] >= _MIN_SHOWN_PROBABILITY
    )


def caption(predictions: Predictions, face: int) -> str:
    """Return the top prediction of a face, and its label where that differs."""
    text = top_prediction(predictions.probabilities[face])
    if predictions.correct[face]:
        return text
    return f"{text}, labeled {EMOTIONS[predictions.y_true[face]]}"


def show_faces(
    key: str,
    subset: EvaluationSubset,
    dataset: FaceDataset | None,
    rows: NDArray[np.intp],
    texts: Callable[[int], tuple[str, str]],
    draw: Callable[[NDArray[np.intp]], Sequence[NDArray[np.uint8]]] | None = None,
    reveal: bool = False,
) -> None:
    """Show faces in a gallery; without their data set, say how to get it.

    Args:
        key: names the gallery.
        subset: the faces that were evaluated.
        dataset: their data set, if it is in the workspace.
        rows: intp (m,), positions of the faces in the data set, in their order; -1 for a face
            that is not in the data set.
        texts: maps an index into `rows` to a caption and a note.
        draw: maps indices into `rows` to images; None for the faces as they are.
        reveal: whether to scroll to the faces now.
    """
    if not len(rows):
        st.caption("No faces to show.")
        return
    if dataset is None:
        st.info(
            "The metrics come from stored predictions. To see the faces too, import the data "
            f"set they were made on: '{escape_markdown(subset.dataset)}', "
            f"fingerprint {escape_markdown(subset.fingerprint[:12])}.",
            icon=":material/photo_library:",
        )
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    present = np.flatnonzero(rows >= 0)

    def tiles(page: slice) -> list[Tile]:
        shown = present[page]
        images = draw(shown) if draw else dataset.images[rows[shown]]
        return [Tile(image, *texts(int(i))) for image, i in zip(images, shown, strict=True)]

    clicked = gallery(key, len(present), tiles, per_page=_PER_PAGE, reveal=reveal)
    if clicked is not None:
        shown = rows[present]
        show_detail(resources.annotated(dataset), int(shown[clicked]), shown)
