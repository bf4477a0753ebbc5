"""Overview: the classes of each split, and how their faces look on the whole."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.charts.distribution import axis_end, class_distribution, imbalance
from dashboard.components.dataset.clickable import chosen_with, clickable_chart
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.light import show_light
from dashboard.components.dataset.selection import chosen
from dashboard.components.dataset.weights import show_weights
from pipeline.data.store import DatasetInfo


def show_overview(info: DatasetInfo, known: KnownFaces) -> None:
    """Show what a data set holds; every mark opens its faces."""
    filters = chosen()
    _show_distribution(info, filters)
    show_light(known, filters)
    show_weights(info, filters)


def _show_distribution(info: DatasetInfo, filters: Mapping[str, Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Classes by split", width="stretch")
        unit = st.segmented_control(
            "Bars show",
            ["counts", "shares"],
            default="counts",
            required=True,
            label_visibility="collapsed",
            key="overview.unit",
            persist_state="session",
        )
    shares = unit == "shares"
    ends = axis_end(info.counts, shares=shares)
    with st.grid(min(3, len(info.counts)), min_column_width=280, gap="medium"):
        for split, counts in info.counts.items():
            with st.container(gap="xsmall"):
                _show_split(split, counts, shares, ends[split], filters)
    st.caption(
        "Imbalance: how many times the rarest emotion fits into the most frequent one. "
        "Above about 5, look at macro F1 beside accuracy, and try class weights."
    )


def _show_split(
    split: str, counts: dict[str, int], shares: bool, end: float, filters: Mapping[str, Any]
) -> None:
    ratio = imbalance(counts)
    words = f"imbalance {ratio:.1f} : 1" if ratio else "an emotion is missing"
    st.markdown(f"**{split}** · {sum(counts.values()):,} faces · {words}")
    emotion = chosen_with(filters, "emotion", {"split": split})
    clickable_chart(
        f"overview.classes {split}",
        class_distribution(counts, shares=shares, largest=end, chosen=emotion),
        lambda mark: {"split": split, "emotion": mark[0]},
        alt=f"Faces of each emotion in {split}",
    )
