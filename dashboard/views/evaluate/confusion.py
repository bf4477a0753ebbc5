"""The views Confusion and Mistakes: confusion matrix, metrics by emotion, most confused pairs."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.views.evaluate.filters import FILTERS
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.heading import level_heading
from pipeline.evaluation.metrics import Metrics
from pipeline.labels import EMOTIONS
from pipeline.report.charts.confusion import SHARES, Cell, confusion_matrix, most_confused_pairs
from pipeline.report.evaluation import Evaluation

_TABLE = "evaluate.report"
_BAR_PX = 96


def show_confusion(evaluation: Evaluation) -> None:
    """Show the confusion matrix and the metrics by emotion; cells and rows filter the faces."""
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header("Confusion matrix", width="stretch")
            shares = choice_bar("Cells show", SHARES, "evaluate_shares", width="content")
        FILTERS.show_chart(
            "evaluate.confusion",
            confusion_matrix(evaluation.metrics.confusion, shares, _marked_cell(evaluation)),
            _cell_filters,
            alt="Confusion matrix, rows labels, columns predictions",
        )
    with right:
        level_heading("By emotion")
        _show_class_table(evaluation.metrics)


def show_mistakes(evaluation: Evaluation) -> None:
    """Show the most confused pairs; bars filter the faces."""
    st.header("Most confused pairs")
    if evaluation.predictions.correct.all():
        st.caption("Every face is predicted correctly.")
        return
    FILTERS.show_chart(
        "evaluate.pairs",
        most_confused_pairs(evaluation.metrics.confusion, _marked_cell(evaluation)),
        _cell_filters,
        alt="The most confused pairs of emotions",
    )
    st.caption("Label → prediction, with the share of the label's faces.")


def _marked_cell(evaluation: Evaluation) -> Cell | None:
    filters = FILTERS.active(evaluation)
    label, predicted = (
        EMOTIONS.index(filters[name]) if name in filters else None
        for name in ("labeled", "predicted")
    )
    return None if label is None and predicted is None else (label, predicted)


def _cell_filters(cell: Sequence[int]) -> dict[str, str]:
    label, predicted = cell
    return {"labeled": EMOTIONS[label], "predicted": EMOTIONS[predicted]}


def _show_class_table(metrics: Metrics) -> None:
    per_class = [metrics.per_class[emotion] for emotion in EMOTIONS]
    table = pd.DataFrame(
        {
            "emotion": EMOTIONS,
            "precision": [100 * each.precision for each in per_class],
            "recall": [100 * each.recall for each in per_class],
            "F1": [each.f1 for each in per_class],
            "faces": [each.support for each in per_class],
        }
    )
    percent = partial(
        st.column_config.ProgressColumn,
        format="%.1f%%",
        min_value=0,
        max_value=100,
        width=_BAR_PX,
    )
    columns = {
        "emotion": st.column_config.TextColumn(pinned=True),
        "precision": percent(help="Share of the faces predicted as it that are labeled so."),
        "recall": percent(help="Share of the faces labeled so that are predicted as it."),
        "F1": st.column_config.ProgressColumn(
            format="%.3f",
            min_value=0,
            max_value=1,
            width=_BAR_PX,
            help="Harmonic mean of precision and recall: high only where both are.",
        ),
    }
    st.dataframe(
        table,
        column_config=columns,
        hide_index=True,
        key=_TABLE,
        on_select=lambda: FILTERS.set_by_row(_TABLE, lambda row: {"labeled": EMOTIONS[row]}),
        selection_mode="single-row",
        alt="Precision, recall and F1 by emotion",
    )
