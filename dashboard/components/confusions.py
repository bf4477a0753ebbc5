"""Confusion matrix and ROC curves side by side, and the faces of the cell that was clicked."""

from collections.abc import Sequence

import streamlit as st

from dashboard.charts.confusion import SHARES, confusion_matrix
from dashboard.charts.roc import roc_by_emotion
from dashboard.components.judged_faces import Cell, faces_of, show_faces
from pipeline.evaluation.metrics import Metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.roc import RocCurve
from pipeline.labels import EMOTIONS

_PLAIN = {"displayModeBar": False}
_HEADING_PX = 30


@st.fragment
def show_confusions(predictions: Predictions, metrics: Metrics, curves: Sequence[RocCurve]) -> None:
    """Show confusions and ROC curves, and below them the faces of the cell that was clicked."""
    chosen = f"evaluate_cell {predictions.model} {predictions.fingerprint} {predictions.split}"
    cell: Cell | None = st.session_state.get(chosen)

    def choose(chart: str) -> None:
        points = st.session_state[chart].selection.points
        if points:
            label, predicted = points[0]["customdata"]
            st.session_state[chosen] = (int(label), int(predicted))

    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Confusion matrix", width="stretch")
            shares = st.segmented_control(
                "Cells show", SHARES, default=SHARES[0], required=True, width="content",
                label_visibility="collapsed", key="evaluate_shares", persist_state="session",
            )  # fmt: skip
        st.plotly_chart(
            confusion_matrix(metrics.confusion, shares or SHARES[0], cell),
            key="evaluate_confusion",
            on_select=lambda: choose("evaluate_confusion"),
            selection_mode="points",
            config=_PLAIN,
            alt="How often each emotion was taken for each other",
        )
    with right:
        with st.container(
            horizontal=True, vertical_alignment="center", height=_HEADING_PX, border=False
        ):
            st.subheader("ROC curves, one emotion against the rest")
        st.plotly_chart(roc_by_emotion(curves), config=_PLAIN, alt="ROC curves by emotion")
    _show_chosen(chosen, cell, predictions)


def _show_chosen(chosen: str, cell: Cell | None, predictions: Predictions) -> None:
    positions = faces_of(predictions, cell)
    with st.container(horizontal=True, vertical_alignment="center"):
        if cell is None:
            st.subheader(f"Mistakes, most confident first · {len(positions):,}")
            st.caption("Click a cell of the matrix to see its faces.", width="content")
        else:
            st.subheader(f"Faces, most confident first · {len(positions):,}", width="content")
            label, predicted = cell
            if label is not None:
                _chip(chosen, f"labelled {EMOTIONS[label]}", (None, predicted))
            if predicted is not None:
                _chip(chosen, f"predicted {EMOTIONS[predicted]}", (label, None))
            st.button(
                "All mistakes", icon=":material/arrow_back:", type="tertiary",
                on_click=st.session_state.pop, args=(chosen, None),
            )  # fmt: skip
    show_faces(f"evaluate_gallery {cell}", predictions, positions)


def _chip(chosen: str, text: str, without: Cell) -> None:
    def remove() -> None:
        st.session_state[chosen] = None if without == (None, None) else without

    st.button(text, icon=":material/close:", on_click=remove)
