"""The view Curves: ROC and precision-recall curves with an adjustable decision threshold."""

import plotly.graph_objects as go
import streamlit as st

from dashboard.views.evaluate.filters import FILTERS
from dashboard.views.evaluate.gallery import maps_toggle, offer_exclusion, show_positions
from dashboard.widgets.choice_bar import choice_bar
from pipeline.evaluation.curves import (
    OUTCOMES,
    OperatingPoint,
    faces_with_outcome,
    operating_point,
)
from pipeline.labels import EMOTIONS
from pipeline.report.charts.curves import precision_recall_by_emotion, roc_by_emotion
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.evaluation import Evaluation
from pipeline.report.units import percent, score

_EMOTION, _THRESHOLD, _OUTCOME = "evaluate_emotion", "evaluate_threshold", "evaluate_outcome"
_DEFAULT_THRESHOLD = 0.5


def show_curves(evaluation: Evaluation) -> None:
    """Show both kinds of curves with the operating point of the threshold, and its faces."""
    drawn = {curve.name for curve in evaluation.roc_curves}
    emotions = [emotion for emotion in EMOTIONS if emotion in drawn]
    if not emotions:
        st.caption("A curve needs faces of two emotions.")
        return
    point = _pick_point(evaluation, emotions)
    left, right = st.columns(2, gap="medium")
    with left:
        st.header("ROC curves, one emotion against the rest")
        figure = roc_by_emotion(evaluation.roc_curves, point)
        _show_chart("evaluate.roc", figure, "ROC curves by emotion")
    with right:
        st.header("Precision-recall curves")
        figure = precision_recall_by_emotion(evaluation.precision_recall_curves, point)
        _show_chart("evaluate.precision_recall", figure, "Precision-recall curves by emotion")
    _show_outcomes(evaluation, point)


def _pick_point(evaluation: Evaluation, emotions: list[str]) -> OperatingPoint:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        emotion = st.segmented_control(
            "Emotion",
            emotions,
            default=emotions[0],
            required=True,
            key=_EMOTION,
            bind="query-params",
            wrap=True,
        )
        threshold = st.slider(
            "Decision threshold",
            0.0,
            1.0,
            _DEFAULT_THRESHOLD,
            0.01,
            key=_THRESHOLD,
            bind="query-params",
            width="stretch",
            help="From this probability on, a face is predicted to show the emotion.",
        )
    emotion = emotion if emotion in emotions else emotions[0]
    point = operating_point(evaluation.predictions, emotion, threshold)
    st.markdown(
        f"**{emotion}** at threshold {threshold:.2f}: precision **{percent(point.precision)}** · "
        f"recall **{percent(point.recall)}** · false positive rate **{percent(point.fpr)}** · "
        f"F1 **{score(point.f1)}**"
    )
    return point


def _show_chart(key: str, figure: go.Figure, alt: str) -> None:
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _use_clicked_point(key),
        selection_mode="points",
        config=NO_MODE_BAR,
        alt=f"{alt}, with the operating point",
    )


def _use_clicked_point(chart: str) -> None:
    """Take emotion and threshold from the clicked point of a curve. For callbacks."""
    points = st.session_state[chart].selection.points
    if points and "customdata" in points[0]:
        emotion, threshold = points[0]["customdata"]
        st.session_state[_EMOTION] = emotion
        st.session_state[_THRESHOLD] = round(float(threshold), 2)
        st.session_state.pop(FILTERS.gallery_key, None)


def _show_outcomes(evaluation: Evaluation, point: OperatingPoint) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        outcome = choice_bar("Outcome", OUTCOMES, _OUTCOME, default=OUTCOMES[1])
        numbers = f"TP {point.tp:,} · FP {point.fp:,} · FN {point.fn:,}"
        st.caption(f"{numbers}; nearest to the threshold first", width="content")
        maps = maps_toggle()
    faces = faces_with_outcome(evaluation.predictions, point.emotion, point.threshold, outcome)
    reason = f"{outcome.lower()} of {point.emotion}"
    offer_exclusion(evaluation, faces, reason)
    show_positions(evaluation, faces, maps)
