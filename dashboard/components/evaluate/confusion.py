"""The confusion matrix beside the report by emotion; cells and rows open their faces."""

import pandas as pd
import streamlit as st

from dashboard.charts.confusion import SHARES, confusion_matrix
from dashboard.components.evaluate import chosen
from dashboard.components.evaluate.judged import Judged
from pipeline.evaluation.metrics import Metrics
from pipeline.labels import EMOTIONS

PLAIN = {"displayModeBar": False}

_MATRIX = "evaluate.confusion"
_REPORT = "evaluate.report"
_BAR_PX = 96


def show_confusion(judged: Judged) -> None:
    """Show the matrix and the report; a click on a cell or a row chooses its faces."""
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Confusion matrix", width="stretch")
            shares = st.segmented_control(
                "Cells show", SHARES, default=SHARES[0], required=True, width="content",
                label_visibility="collapsed", key="evaluate_shares", bind="query-params",
            )  # fmt: skip
        st.plotly_chart(
            confusion_matrix(judged.metrics.confusion, shares, marked_cell(judged)),
            key=_MATRIX,
            on_select=lambda: choose_cell(_MATRIX),
            selection_mode="points",
            config=PLAIN,
            alt="How often each emotion was taken for each other",
        )
    with right:
        st.subheader("By emotion")
        show_report(judged.metrics)


def marked_cell(judged: Judged) -> tuple[int | None, int | None] | None:
    """Return the chosen label and prediction, None for any; None if none of both is chosen."""
    filters = chosen.filters(judged)
    label, predicted = (
        EMOTIONS.index(filters[kind]) if kind in filters else None
        for kind in ("labelled", "predicted")
    )
    return None if label is None and predicted is None else (label, predicted)


def choose_cell(chart: str) -> None:
    """Choose the faces of the cell or bar that was clicked. For callbacks."""
    points = st.session_state[chart].selection.points
    if points:
        label, predicted = points[0]["customdata"]
        chosen.choose(labelled=EMOTIONS[label], predicted=EMOTIONS[predicted])


def report_table(metrics: Metrics) -> pd.DataFrame:
    """Return precision, recall and F1 of each emotion in percent, and how many faces it has."""
    per_class = [metrics.per_class[emotion] for emotion in EMOTIONS]
    return pd.DataFrame(
        {
            "emotion": EMOTIONS,
            "precision": [100 * figures.precision for figures in per_class],
            "recall": [100 * figures.recall for figures in per_class],
            "F1": [100 * figures.f1 for figures in per_class],
            "faces": [figures.support for figures in per_class],
        }
    )


def show_report(metrics: Metrics) -> None:
    """Show the report as a sortable table with bars; a click on a row chooses its label."""
    bar = st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, width=_BAR_PX
    )
    emotion = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        report_table(metrics),
        column_config={"emotion": emotion, "precision": bar, "recall": bar, "F1": bar},
        hide_index=True,
        key=_REPORT,
        on_select=_choose_row,
        selection_mode="single-row",
        alt="Figures by emotion",
    )


def _choose_row() -> None:
    rows = st.session_state[_REPORT].selection.rows
    if rows:
        chosen.choose(labelled=EMOTIONS[rows[0]])
