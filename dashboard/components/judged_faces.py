"""The faces behind a figure: those of an evaluation that a filter leaves, most confident first."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.gallery import Tile, gallery
from dashboard.components.units import percent
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS

_PER_PAGE = 24

Cell = tuple[int | None, int | None]
"""A label and a prediction, as indices into `EMOTIONS`; None for any."""


def faces_of(predictions: Predictions, cell: Cell | None) -> NDArray[np.intp]:
    """Return positions of faces, the most confident first.

    Args:
        predictions: the evaluation.
        cell: the label and prediction they have; None for all that are wrong.
    """
    predicted = predictions.probabilities.argmax(axis=1)
    if cell is None:
        chosen = predicted != predictions.y_true
    else:
        label, prediction = cell
        chosen = np.ones(len(predictions), np.bool_)
        if label is not None:
            chosen &= predictions.y_true == label
        if prediction is not None:
            chosen &= predicted == prediction
    found = np.flatnonzero(chosen)
    confidence = predictions.probabilities.max(axis=1)[found]
    return found[np.argsort(-confidence, kind="stable")]


def captions(predictions: Predictions, positions: NDArray[np.intp]) -> list[str]:
    """Return what each face was taken for and how surely, and its label where that differs."""
    texts = []
    for position in positions:
        label = int(predictions.y_true[position])
        predicted = int(predictions.probabilities[position].argmax())
        text = f"{EMOTIONS[predicted]} {percent(float(predictions.probabilities[position].max()))}"
        texts.append(text if label == predicted else f"{text}, labelled {EMOTIONS[label]}")
    return texts


def show_faces(key: str, predictions: Predictions, positions: NDArray[np.intp]) -> None:
    """Show faces of an evaluation in a gallery; without its data set, say how to get it."""
    if not len(positions):
        st.caption("There are none.")
        return
    dataset = resources.dataset_by_fingerprint(predictions.fingerprint)
    if dataset is None:
        st.info(
            f"The figures come from stored predictions. To see the faces too, import the data "
            f"set they were made on: '{predictions.dataset}', fingerprint "
            f"{predictions.fingerprint[:12]}.",
            icon=":material/photo_library:",
        )
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    rows = pd.Index(dataset.ids).get_indexer(pd.Index(predictions.ids[positions]))
    here = rows >= 0
    rows, positions = rows[here], positions[here]

    def tiles(part: slice) -> list[Tile]:
        texts = captions(predictions, positions[part])
        return [Tile(dataset.images[i], text) for i, text in zip(rows[part], texts, strict=True)]

    gallery(key, len(rows), tiles, per_page=_PER_PAGE, clickable=False)
