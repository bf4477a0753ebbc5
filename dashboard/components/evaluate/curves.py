"""ROC and precision-recall curves, and the faces that a threshold finds, misses or is fooled by."""

import streamlit as st

from dashboard import resources
from dashboard.charts.roc import precision_recall_by_emotion, roc_by_emotion
from dashboard.components.evaluate import chosen
from dashboard.components.evaluate.confusion import PLAIN
from dashboard.components.evaluate.gallery import offer_maps, show_positions
from dashboard.components.evaluate.judged import Judged
from dashboard.components.units import percent
from pipeline.evaluation.roc import precision_recall_curves, roc_curves
from pipeline.evaluation.thresholds import (
    OUTCOMES,
    OperatingPoint,
    faces_at,
    operating_point,
)
from pipeline.labels import EMOTIONS

_EMOTION, _THRESHOLD, _OUTCOME = "evaluate_emotion", "evaluate_threshold", "evaluate_outcome"
_AT_FIRST = 0.5


def show_curves(judged: Judged) -> None:
    """Show both kinds of curves with the operating point of a threshold, and its faces."""
    curves = resources.made_of(roc_curves, judged.model, judged.target)
    known = [curve.name for curve in curves if curve.name in EMOTIONS]
    if not known:
        st.caption("A curve needs faces of two emotions.")
        return
    point = _pick_point(judged, known)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("ROC curves, one emotion against the rest")
        _show_chart("evaluate.roc", roc_by_emotion(curves, point), "ROC curves by emotion")
    with right:
        st.subheader("Precision and recall")
        precision_recall = resources.made_of(precision_recall_curves, judged.model, judged.target)
        figure = precision_recall_by_emotion(precision_recall, point)
        _show_chart("evaluate.precision_recall", figure, "Precision over recall by emotion")
    _show_outcomes(judged, point)


def _pick_point(judged: Judged, known: list[str]) -> OperatingPoint:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        emotion = st.segmented_control(
            "Emotion", known, default=known[0], required=True, key=_EMOTION, bind="query-params"
        )
        threshold = st.slider(
            "Called so from a probability of", 0.0, 1.0, _AT_FIRST, 0.01, key=_THRESHOLD,
            bind="query-params", width="stretch",
        )  # fmt: skip
    emotion = emotion if emotion in known else known[0]
    point = operating_point(judged.predictions, emotion, threshold)
    figures = {
        "precision": point.precision, "recall": point.recall,
        "false positive rate": point.fpr, "F1": point.f1,
    }  # fmt: skip
    words = " · ".join(f"{name} **{percent(figure)}**" for name, figure in figures.items())
    st.markdown(f"**{emotion}** from {threshold:.2f} on: {words}")
    return point


def _show_chart(key: str, figure: object, alt: str) -> None:
    st.plotly_chart(
        figure, key=key, on_select=lambda: _move_to(key), selection_mode="points", config=PLAIN,
        alt=f"{alt}, with the operating point",
    )  # fmt: skip


def _move_to(chart: str) -> None:
    """Take emotion and threshold from the point of a curve that was clicked. For callbacks."""
    points = st.session_state[chart].selection.points
    if points and "customdata" in points[0]:
        emotion, threshold = points[0]["customdata"]
        st.session_state[_EMOTION] = emotion
        st.session_state[_THRESHOLD] = round(float(threshold), 2)
        st.session_state.pop(chosen.GALLERY, None)


def _show_outcomes(judged: Judged, point: OperatingPoint) -> None:
    counts = dict(zip(OUTCOMES, (point.tp, point.fp, point.fn), strict=True))
    with st.container(horizontal=True, vertical_alignment="center"):
        outcome = st.segmented_control(
            "Outcome", OUTCOMES, default=OUTCOMES[1], required=True, key=_OUTCOME,
            label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
        numbers = " · ".join(f"{count:,} {name}" for name, count in counts.items())
        st.caption(f"{numbers}; the nearest to the threshold first", width="content")
        maps = offer_maps()
    found = faces_at(judged.predictions, point.emotion, point.threshold, outcome)
    show_positions(judged, found, maps)
