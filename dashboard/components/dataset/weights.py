"""What each scheme of class weights would make of the training faces."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.dataset.clickable import chosen_with
from dashboard.components.dataset.selection import choose
from pipeline.data.store import DatasetInfo
from pipeline.labels import EMOTIONS
from pipeline.training.class_weights import SCHEMES, class_weights


def weights_table(counts: dict[str, int]) -> pd.DataFrame:
    """Return a row for each emotion: its training faces, their share in percent, its weights.

    Args:
        counts: emotion → training faces, at least one in all.
    """
    faces = np.array([counts.get(emotion, 0) for emotion in EMOTIONS])
    labels = np.repeat(np.arange(len(EMOTIONS), dtype=np.uint8), faces)
    weights = {scheme: class_weights(labels, scheme) for scheme in SCHEMES}
    shares = 100 * faces / faces.sum()
    return pd.DataFrame({"emotion": EMOTIONS, "faces": faces, "share": shares, **weights})


def choose_row(key: str) -> None:
    """Choose the training faces of the row of a table that was clicked. For callbacks."""
    cells = st.session_state[key].selection.cells
    if cells:
        row, _ = cells[0]
        choose(split="train", emotion=EMOTIONS[row])


def show_weights(info: DatasetInfo, filters: Mapping[str, Any]) -> None:
    """Show what each scheme of class weights would make of the training faces."""
    st.subheader("Training faces and class weights")
    counts = info.counts.get("train", {})
    if not sum(counts.values()):
        st.caption("There is no training split, so nothing to weigh.")
        return
    emotion = chosen_with(filters, "emotion", {"split": "train"})
    cells = [] if emotion is None else [(EMOTIONS.index(emotion), "emotion")]
    key = f"overview.weights {emotion}"  # a table keeps what was clicked as long as its key
    weight = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        weights_table(counts),
        key=key,
        column_config={
            "faces": st.column_config.NumberColumn(format="localized"),
            "share": st.column_config.NumberColumn(format="%.1f %%"),
            **dict.fromkeys(SCHEMES, weight),
        },
        hide_index=True,
        on_select=lambda: choose_row(key),
        selection_mode="single-cell",
        selection_default={"selection": {"cells": cells}},
        alt="Training faces of each emotion and its weight by scheme",
    )
    caption = (
        "How much an error on each emotion counts in training, by `--class-weights`; the mean over "
        "the faces is 1."
    )
    if not {"public_test", "validation"} & set(info.counts):
        caption += " The tenth of each emotion that is held out leaves the weights as they are."
    st.caption(caption)
