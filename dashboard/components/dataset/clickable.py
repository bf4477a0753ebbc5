"""Charts whose marks open the faces behind them, of a split or of all."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.dataset.selection import choose

FiltersOf = Callable[[Sequence[Any]], Mapping[str, Any]]
"""A mark's custom data → the filters that leave its faces."""


def clickable_chart(key: str, figure: go.Figure, filters_of: FiltersOf, alt: str) -> None:
    """Show a figure; a click on a mark chooses its faces.

    Args:
        key: names the chart on the page.
        figure: its marks carry custom data.
        filters_of: what a click on a mark chooses.
        alt: what the figure shows, for those who cannot see it.
    """
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: choose_clicked(key, filters_of),
        selection_mode="points",
        config={"displayModeBar": False},
        alt=alt,
    )


def choose_clicked(key: str, filters_of: FiltersOf) -> None:
    """Choose the faces of the mark that was clicked on a chart. For callbacks.

    A second click on a mark takes it back in the browser; the faces stay chosen.
    """
    points = st.session_state[key].selection.points
    if points:
        choose(**filters_of(points[0]["customdata"]))


def chosen_with(filters: Mapping[str, Any], kind: str, others: Mapping[str, Any]) -> Any:
    """Return what was chosen of a kind, if it was chosen with just these others; else None."""
    value = filters.get(kind)
    return value if dict(filters) == {**others, kind: value} else None


def pick_split(key: str, splits: Sequence[str]) -> dict[str, str]:
    """Let a split be picked, and return the filters that leave its faces: none for all splits.

    Args:
        key: names the control on the page; data sets need different ones.
        splits: those of the data set.
    """
    every = "all splits"
    picked = st.selectbox(
        "Faces of",
        [every, *splits],
        label_visibility="collapsed",
        width=180,
        key=key,
        persist_state="session",
    )
    return {} if picked == every else {"split": picked}
