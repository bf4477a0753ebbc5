"""The view Slices: accuracy by brightness, contrast, FER+ agreement and duplicates."""

from functools import partial

import pandas as pd
import streamlit as st

from dashboard.views.evaluate.filters import FILTERS, slice_name
from pipeline.report.charts.slices import accuracy_by_slice
from pipeline.report.evaluation import Evaluation
from pipeline.report.units import signed

_TABLE = "evaluate.slices_table"
_NAME_PX = 250
_PERCENT = st.column_config.NumberColumn(format="%.1f%%")


def show_slices(evaluation: Evaluation) -> None:
    """Show accuracy by slice as a chart and a sortable table; marks and rows filter the faces."""
    if evaluation.dataset is None:
        st.caption("Slices need the faces: import their data set.")
        return
    slices, accuracy = evaluation.slices, evaluation.metrics.accuracy
    names = [slice_name(each.kind, each.name) for each in slices]
    chosen = FILTERS.active(evaluation).get("slice", "")
    kind, _, name = chosen.partition(": ")
    left, right = st.columns([4, 6], gap="medium")
    with left:
        st.header("Accuracy by slice")
        FILTERS.show_chart(
            "evaluate.slices",
            accuracy_by_slice(slices, accuracy, (kind, name) if chosen else None),
            lambda mark: {"slice": slice_name(*mark)},
            alt="Accuracy by slice, each with its 95% interval",
        )
    with right:
        st.header("Each slice in numbers")
        table = {
            "slice": names,
            "faces": [len(each.faces) for each in slices],
            "accuracy": [100 * each.accuracy for each in slices],
            "from": [100 * each.interval[0] for each in slices],
            "to": [100 * each.interval[1] for each in slices],
            "difference": [100 * (each.accuracy - accuracy) for each in slices],
        }
        st.dataframe(
            pd.DataFrame(table).style.format({"difference": partial(signed, decimals=1)}),
            column_config={
                "slice": st.column_config.TextColumn(pinned=True, width=_NAME_PX),
                "faces": st.column_config.NumberColumn(format="localized"),
                **dict.fromkeys(("accuracy", "from", "to"), _PERCENT),
            },
            hide_index=True,
            height="content",
            key=_TABLE,
            on_select=lambda: FILTERS.set_by_row(_TABLE, lambda row: {"slice": names[row]}),
            selection_mode="single-row",
            alt="Accuracy by slice",
        )
        audited = any(each.name.startswith("near") for each in slices)
        st.caption(
            "Brightness and contrast are mean and standard deviation of the gray levels, 0–255, "
            "in quintiles of the faces. From and to are the ends of the 95% interval; difference "
            "is to the accuracy on all faces, in points."
            + ("" if audited else " Near-duplicates are known after an audit.")
        )
