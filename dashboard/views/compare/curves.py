"""The view Curves: ROC curves, F1 by emotion and learning curves of the models."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import resources
from dashboard.views.compare.comparison import MAX_PAIRED, Comparison
from dashboard.widgets.markdown import escape_markdown
from pipeline.evaluation.curves import RocCurve
from pipeline.labels import EMOTIONS
from pipeline.report.charts.comparison import f1_by_emotion
from pipeline.report.charts.curves import roc_by_model
from pipeline.report.charts.experiment import accuracy_by_epoch
from pipeline.report.charts.style import NO_MODE_BAR

_HEADING_PX = 44


def show_curves(comparison: Comparison) -> None:
    """Show ROC curves, F1 by emotion and learning curves, a line or bar for each model."""
    labels, models = comparison.labels, comparison.paired
    if len(comparison.models) > MAX_PAIRED:
        st.caption(f"Of {len(comparison.models)} models the first {MAX_PAIRED} are drawn.")
    left, right = st.columns(2, gap="medium")
    with left:
        with _heading():
            st.header("ROC curves", width="stretch")
            name = st.selectbox(
                "Curve of",
                ["macro", "micro", *EMOTIONS],
                label_visibility="collapsed",
                width=140,
                key="compare_curve",
                bind="query-params",
            )
        figure = roc_by_model(_roc_curves(comparison, name))
        st.plotly_chart(figure, config=NO_MODE_BAR, alt="A ROC curve for each model")
    with right:
        with _heading():
            st.header("F1 by emotion")
        figure = f1_by_emotion({labels[m.name]: comparison.metrics[m.name].metrics for m in models})
        st.plotly_chart(figure, config=NO_MODE_BAR, alt="F1 of each model by emotion")
    st.header("Learning curves")
    histories = {labels[m.name]: m.history() for m in models}
    if not any("val_accuracy" in history for history in histories.values()):
        st.caption("None of these models has a stored history.")
        return
    figure = accuracy_by_epoch(histories, "")
    st.plotly_chart(figure, config=NO_MODE_BAR, alt="Validation accuracy of each model by epoch")
    st.caption(
        "Validation accuracy of each epoch, on each run's own validation faces, which may differ "
        "from the faces compared here."
    )
    trained = comparison.epochs_trained
    if short := [f"{labels[name]} {trained[name]}" for name in trained if " of " in trained[name]]:
        st.caption(escape_markdown(f"Epochs trained: {'; '.join(short)}."))


def _heading() -> DeltaGenerator:
    """Return a row of fixed height, so that the charts below line up."""
    return st.container(
        horizontal=True, vertical_alignment="center", height=_HEADING_PX, border=False
    )


def _roc_curves(comparison: Comparison, name: str) -> dict[str, RocCurve]:
    """Return label → the model's curve of this name, where it has one."""
    return {
        comparison.labels[model.name]: curve
        for model in comparison.paired
        for curve in resources.evaluation(model, comparison.subset).roc_curves
        if curve.name == name
    }
