"""Faces that models were judged on, in a gallery; a click opens one."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.dataset.detail import show_detail
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.gallery import Tile, gallery
from pipeline.data.audit import kept_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import statistics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.target import Target
from pipeline.labels import EMOTIONS

_PER_PAGE = 27
_LEAST_SHOWN = 0.05

Picture = NDArray[np.uint8]


def said(probabilities: NDArray[np.float32]) -> str:
    """Return the likeliest emotion of a face, float32 (7,), with its probability."""
    likeliest = int(probabilities.argmax())
    return f"{EMOTIONS[likeliest]} {100 * float(probabilities[likeliest]):.0f}\u00a0%"


def caption(predictions: Predictions, face: int) -> str:
    """Return what a face was taken for and how surely, and its label where that differs."""
    text = said(predictions.probabilities[face])
    if predictions.right[face]:
        return text
    return f"{text}, labelled {EMOTIONS[predictions.y_true[face]]}"


def others(probabilities: NDArray[np.float32]) -> str:
    """Return what else a face, float32 (7,), may be: the next two emotions from 5 % on."""
    order = np.argsort(-probabilities, kind="stable")[1:3]
    return " · ".join(
        f"{EMOTIONS[i]} {100 * float(probabilities[i]):.0f}\u00a0%"
        for i in order
        if probabilities[i] >= _LEAST_SHOWN
    )


def show_faces(
    key: str,
    target: Target,
    dataset: FaceDataset | None,
    rows: NDArray[np.intp],
    words: Callable[[int], tuple[str, str]],
    pictures: Callable[[NDArray[np.intp]], Sequence[Picture]] | None = None,
    reveal: bool = False,
) -> None:
    """Show faces in a gallery; without their data set, say how to get it.

    Args:
        key: names the gallery.
        target: the faces that were judged on.
        dataset: the data set, if it is in the workspace.
        rows: intp (m,), where the faces are in the data set, in their order; -1 for none.
        words: the number of a face → its caption and its second line.
        pictures: numbers of faces → how they are drawn; as they are if not given.
        reveal: scroll to the faces now.
    """
    if not len(rows):
        st.caption("There are none.")
        return
    if dataset is None:
        st.info(
            "The figures come from stored predictions. To see the faces too, import the data "
            f"set they were made on: '{target.dataset}', fingerprint {target.fingerprint[:12]}.",
            icon=":material/photo_library:",
        )
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    numbers = np.flatnonzero(rows >= 0)

    def tiles(part: slice) -> list[Tile]:
        shown = numbers[part]
        drawn = pictures(shown) if pictures else dataset.images[rows[shown]]
        return [Tile(face, *words(int(number))) for face, number in zip(drawn, shown, strict=True)]

    clicked = gallery(key, len(numbers), tiles, per_page=_PER_PAGE, reveal=reveal)
    if clicked is not None:
        known = KnownFaces(dataset, statistics(dataset), kept_audit(dataset))
        show_detail(known, int(rows[numbers[clicked]]))
