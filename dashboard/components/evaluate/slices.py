"""Accuracy on parts of the split: by light, agreement of people, and twins."""

import pandas as pd
import streamlit as st

from dashboard.charts.slices import accuracy_by_slice
from dashboard.components.evaluate import chosen
from dashboard.components.evaluate.confusion import PLAIN
from dashboard.components.evaluate.judged import Judged
from pipeline.evaluation.slices import Slice

_CHART = "evaluate.slices"
_TABLE = "evaluate.slices_table"
_SHARE = st.column_config.NumberColumn(format="%.1f %%")


def show_slices(judged: Judged) -> None:
    """Show accuracy by slice as a picture and a sortable table; both choose a slice's faces."""
    if judged.dataset is None:
        st.caption("Slices need the faces: import their data set.")
        return
    slices = judged.slices
    picked = chosen.filters(judged).get("slice", "")
    kind, _, name = picked.partition(": ")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Accuracy by slice")
        st.plotly_chart(
            accuracy_by_slice(slices, judged.metrics.accuracy, (kind, name) if picked else None),
            key=_CHART,
            on_select=_choose_mark,
            selection_mode="points",
            config=PLAIN,
            alt="Accuracy by slice, each with its 95 % interval",
        )
    with right:
        st.subheader("The same as a table")
        st.dataframe(
            slice_table(slices, judged.metrics.accuracy),
            column_config={
                "slice": st.column_config.TextColumn(pinned=True),
                **dict.fromkeys(("accuracy", "from", "to"), _SHARE),
                "against all": st.column_config.NumberColumn(format="%+.1f"),
            },
            hide_index=True,
            height="content",
            key=_TABLE,
            on_select=lambda: _choose_row(slices),
            selection_mode="single-row",
            alt="Accuracy by slice",
        )
        st.caption(
            "Brightness and contrast are the mean and the standard deviation of the grey levels, "
            "0 – 255, in fifths of the faces. From and to are the ends of the 95 % interval."
            + ("" if _has_near(judged) else " Near twins are known after an audit of the data set.")
        )


def _has_near(judged: Judged) -> bool:
    return any(each.name.startswith("near") for each in judged.slices)


def slice_table(slices: list[Slice], accuracy: float) -> pd.DataFrame:
    """Return a row for each slice, shares in percent.

    Args:
        slices: the slices.
        accuracy: on all faces, 0-1.
    """
    return pd.DataFrame(
        {
            "slice": [chosen.slice_name(each.kind, each.name) for each in slices],
            "faces": [len(each.faces) for each in slices],
            "accuracy": [100 * each.accuracy for each in slices],
            "from": [100 * each.interval[0] for each in slices],
            "to": [100 * each.interval[1] for each in slices],
            "against all": [100 * (each.accuracy - accuracy) for each in slices],
        }
    )


def _choose_mark() -> None:
    points = st.session_state[_CHART].selection.points
    if points:
        chosen.choose(slice=chosen.slice_name(*points[0]["customdata"]))


def _choose_row(slices: list[Slice]) -> None:
    rows = st.session_state[_TABLE].selection.rows
    if rows:
        chosen.choose(slice=chosen.slice_name(slices[rows[0]].kind, slices[rows[0]].name))
