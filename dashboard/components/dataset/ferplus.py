"""FER+: how far ten annotators agree on each face, and whether with its label."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.charts.confusion import SHARES
from dashboard.charts.votes import (
    AGREEMENT_EDGES,
    ENTROPY_EDGES,
    bin_counts,
    majority_matrix,
    vote_histogram,
)
from dashboard.components.dataset.clickable import chosen_with, clickable_chart, pick_split
from dashboard.components.dataset.filters import FILTERS
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.selection import chosen
from dashboard.components.units import percent
from pipeline.data.votes import MAJORITIES, NO_MAJORITY, NOT_A_FACE
from pipeline.labels import EMOTIONS

_HISTOGRAMS = {
    "agreement": (AGREEMENT_EDGES, "share of votes for the most frequent answer", True),
    "entropy": (ENTROPY_EDGES, "entropy of the votes, bits", False),
}
"""What is counted → edges of its bins, its axis, whether values lie on the edges."""


def show_ferplus(known: KnownFaces) -> None:
    """Show what the annotators of a data set said, or how to get their votes."""
    majority, agreement, entropy = known.majority, known.agreement, known.entropy
    if majority is None or agreement is None or entropy is None:
        _say_what_is_missing()
        return
    dataset, filters = known.dataset, chosen()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("FER+ votes", width="stretch")
        of_split = pick_split(f"ferplus.votes {dataset.name}", dataset.split_names())
    mine = FILTERS["split"].mask(known, of_split["split"]) if of_split else slice(None)
    counts = label_majority_counts(dataset.labels[mine], majority[mine])
    _show_shares(counts, float(agreement[mine].mean()), float(entropy[mine].mean()))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_matrix(counts, of_split, filters)
    with right:
        st.markdown("**How far the votes agree**")
        _show_histogram("agreement", agreement[mine], of_split, filters)
        _show_histogram("entropy", entropy[mine], of_split, filters)


def _say_what_is_missing() -> None:
    st.markdown(
        "[FER+](https://arxiv.org/abs/1608.01041) gives every face of FER-2013 ten votes by ten "
        "people: how sure a label is, and what it should have been. This data set has none; "
        "import FER-2013's CSV file with the votes beside it, by **Import…** above or as a command:"
    )
    st.code(
        "python -m pipeline import fer2013.csv --name fer2013 --ferplus fer2013new.csv",
        language="bash",
    )


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
    numbers = {
        "Majority for the label": agreed,
        "Majority against it": counts[:, : MAJORITIES.index("contempt") + 1].sum() - agreed,
        "No majority": counts[:, NO_MAJORITY].sum(),
        "Not a face": counts[:, NOT_A_FACE].sum(),
    }
    with st.grid(len(numbers) + 1, min_column_width=170, gap="small"):
        for label, number in numbers.items():
            _metric(label, percent(number / n), f"{number:,} faces")
        _metric("Mean agreement", percent(agreement), f"entropy {entropy:.2f} bits")


def _metric(label: str, value: str, second: str) -> None:
    st.metric(label, value, second, delta_color="off", delta_arrow="off", border=True)


def _show_matrix(
    counts: NDArray[np.int64], of_split: Mapping[str, Any], filters: Mapping[str, Any]
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Label × majority of the votes**", width="stretch")
        shares = st.segmented_control(
            "Cells show",
            SHARES,
            default=SHARES[0],
            required=True,
            label_visibility="collapsed",
            key="ferplus.majority_shares",
            persist_state="session",
        )
    clickable_chart(
        "ferplus.majority",
        majority_matrix(counts, shares or SHARES[0], marked_cell(filters, of_split)),
        lambda mark: {
            **of_split,
            "emotion": EMOTIONS[mark[0]],
            "majority": MAJORITIES[mark[1]],
        },
        alt="Faces by label and by what most annotators said",
    )


def marked_cell(
    filters: Mapping[str, Any], of_split: Mapping[str, Any]
) -> tuple[int | None, int | None] | None:
    """Return the cell, row or column whose faces are chosen, if they are chosen by just that."""
    emotion, majority = filters.get("emotion"), filters.get("majority")
    chosen_here = {"emotion": emotion, "majority": majority}
    here = {kind: value for kind, value in chosen_here.items() if value is not None}
    if emotion is majority is None or dict(filters) != {**of_split, **here}:
        return None
    return (
        None if emotion is None else EMOTIONS.index(emotion),
        None if majority is None else MAJORITIES.index(majority),
    )


def _show_histogram(
    what: str, values: NDArray[np.float32], of_split: Mapping[str, Any], filters: Mapping[str, Any]
) -> None:
    edges, title, on_edges = _HISTOGRAMS[what]
    bins = list(itertools.pairwise(edges))
    bounds = chosen_with(filters, what, of_split)
    figure = vote_histogram(
        bin_counts(values, edges),
        edges,
        title,
        on_edges=on_edges,
        chosen=bins.index(bounds) if bounds in bins else None,
    )
    clickable_chart(
        f"ferplus.{what}",
        figure,
        lambda mark: {**of_split, what: bins[mark[0]]},
        alt=f"{what} of the votes".capitalize(),
    )
