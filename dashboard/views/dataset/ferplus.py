"""The view FER+: agreement of the annotators with each other and with the labels."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.access import editors_only
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import FILTERS, split_choice, split_mask
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.empty_state import empty_state
from dashboard.widgets.face_filters import highlighted
from dashboard.widgets.import_form import forget_import, open_import_form
from pipeline.data.votes import MAJORITIES, NO_MAJORITY, NOT_A_FACE
from pipeline.labels import EMOTIONS
from pipeline.report.charts.confusion import SHARES
from pipeline.report.charts.votes import (
    AGREEMENT_EDGES,
    ENTROPY_EDGES,
    bin_counts,
    majority_matrix,
    vote_histogram,
)
from pipeline.report.units import percent

_HISTOGRAMS = {
    "agreement": (AGREEMENT_EDGES, "share of the most frequent vote", True),
    "entropy": (ENTROPY_EDGES, "entropy of the votes, bits", False),
}
"""Quantity → edges of its bins, title of its axis, whether values lie on the edges."""


def show_ferplus(faces: AnnotatedDataset) -> bool:
    """Show the FER+ votes of a data set, or how to get them.

    Returns:
        Whether there are votes.
    """
    majority, agreement, entropy = faces.majority, faces.agreement, faces.entropy
    if majority is None or agreement is None or entropy is None:
        _explain_votes()
        return False
    dataset = faces.dataset
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("FER+ votes", width="stretch")
        of_split = split_choice(f"ferplus.votes {dataset.name}", dataset.split_names())
    mask = split_mask(faces, of_split)
    counts = label_majority_counts(dataset.labels[mask], majority[mask])
    _show_shares(counts, float(agreement[mask].mean()), float(entropy[mask].mean()))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_matrix(counts, of_split)
    with right:
        st.markdown("**Agreement of the votes**")
        _show_histogram("agreement", agreement[mask], of_split)
        _show_histogram("entropy", entropy[mask], of_split)
    return True


def _explain_votes() -> None:
    with empty_state(
        "No FER+ votes",
        "[FER+](https://arxiv.org/abs/1608.01041) gives every face of FER-2013 the votes of ten "
        "annotators: how certain its label is, and what it should have been. Import FER-2013's "
        "CSV file together with the votes to see them here.",
    ):
        if st.button(
            "Import with votes…",
            icon=":material/how_to_vote:",
            type="primary",
            on_click=forget_import,
            **editors_only(),
        ):
            open_import_form()


def label_majority_counts(
    labels: NDArray[np.uint8], majority: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return how many faces of each label have each majority, int (7, 11).

    Args:
        labels: uint8 (n,), indices into `EMOTIONS`.
        majority: uint8 (n,), indices into `MAJORITIES`.
    """
    shape = (len(EMOTIONS), len(MAJORITIES))
    cells = labels.astype(np.int64) * shape[1] + majority
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _show_shares(counts: NDArray[np.int64], agreement: float, entropy: float) -> None:
    n, agreed = counts.sum(), np.trace(counts)
    faces = {
        "Majority for the label": agreed,
        "Majority against it": counts[:, : MAJORITIES.index("contempt") + 1].sum() - agreed,
        "No majority": counts[:, NO_MAJORITY].sum(),
        "Not a face": counts[:, NOT_A_FACE].sum(),
    }
    with st.grid(len(faces) + 1, min_column_width=170, gap="small"):
        for label, count in faces.items():
            _metric(label, percent(count / n), f"{count:,} faces")
        _metric("Mean agreement", percent(agreement), f"entropy {entropy:.2f} bits")


def _metric(label: str, value: str, below: str) -> None:
    st.metric(label, value, below, delta_color="off", delta_arrow="off", border=True)


def _show_matrix(counts: NDArray[np.int64], of_split: Mapping[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Label × majority of the votes**", width="stretch")
        shares = choice_bar(
            "Cells show",
            SHARES,
            "ferplus.majority_shares",
            persist_state="session",
            format_func=lambda shares: shares.partition(" (")[0],  # votes have no recall
        )
    with st.container(key="wide-votes"):  # page.css gives its cells room
        FILTERS.show_chart(
            "ferplus.majority",
            majority_matrix(counts, shares, highlighted_cell(FILTERS.active(), of_split)),
            lambda cell: {
                **of_split,
                "emotion": EMOTIONS[cell[0]],
                "majority": MAJORITIES[cell[1]],
            },
            alt="Faces by label and by majority of the votes",
        )


def highlighted_cell(
    active: Mapping[str, Any], of_split: Mapping[str, str]
) -> tuple[int | None, int | None] | None:
    """Return the cell, row or column that matches the active filters; else None."""
    emotion, majority = active.get("emotion"), active.get("majority")
    cell = {"emotion": emotion, "majority": majority}
    cell = {name: value for name, value in cell.items() if value is not None}
    if not cell or dict(active) != {**of_split, **cell}:
        return None
    return (
        None if emotion is None else EMOTIONS.index(emotion),
        None if majority is None else MAJORITIES.index(majority),
    )


def _show_histogram(
    quantity: str, values: NDArray[np.float32], of_split: Mapping[str, str]
) -> None:
    edges, title, on_edges = _HISTOGRAMS[quantity]
    bins = list(itertools.pairwise(edges))
    bounds = highlighted(FILTERS.active(), quantity, of_split)
    figure = vote_histogram(
        bin_counts(values, edges),
        edges,
        title,
        on_edges=on_edges,
        chosen=bins.index(bounds) if bounds in bins else None,
    )
    FILTERS.show_chart(
        f"ferplus.{quantity}",
        figure,
        lambda mark: {**of_split, quantity: bins[mark[0]]},
        alt=f"{quantity} of the votes".capitalize(),
    )
