"""Curves of several models: ROC, learning, and F1 by emotion."""

import streamlit as st

from dashboard import resources
from dashboard.charts.experiment import accuracy_by_epoch
from dashboard.charts.report import f1_by_emotion
from dashboard.charts.roc import roc_by_model
from dashboard.components.compare.compared import MOST_TOGETHER, Compared
from dashboard.components.evaluate.confusion import PLAIN
from pipeline.evaluation.roc import RocCurve, roc_curves
from pipeline.labels import EMOTIONS

_AVERAGES = ("macro", "micro")
_HEADING_PX = 44


def show_curves(compared: Compared) -> None:
    """Show ROC curves, F1 by emotion and learning curves, a line or bar a model."""
    labels = compared.labels
    if len(compared.models) > MOST_TOGETHER:
        st.caption(f"Of {len(compared.models)} models the first {MOST_TOGETHER} are drawn.")
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(
            horizontal=True, vertical_alignment="center", height=_HEADING_PX, border=False
        ):
            st.subheader("ROC curves", width="stretch")
            name = st.selectbox(
                "Curve of", [*_AVERAGES, *EMOTIONS], label_visibility="collapsed", width=140,
                key="compare_curve", bind="query-params",
            )  # fmt: skip
        figure = roc_by_model(_curves(compared, name, labels))
        st.plotly_chart(figure, config=PLAIN, alt="A ROC curve of each model")
    with right:
        with st.container(
            horizontal=True, vertical_alignment="center", height=_HEADING_PX, border=False
        ):
            st.subheader("F1 by emotion")
        metrics = {labels[m.name]: compared.measured[m.name].metrics for m in compared.together}
        st.plotly_chart(f1_by_emotion(metrics), config=PLAIN, alt="F1 of each model by emotion")
    st.subheader("Learning curves")
    histories = {labels[m.name]: m.history() for m in compared.together}
    if any("val_accuracy" in history for history in histories.values()):
        figure = accuracy_by_epoch(histories, "")
        st.plotly_chart(figure, config=PLAIN, alt="Validation accuracy of each model by epoch")
        st.caption(
            "Accuracy of each epoch on the faces that the run chose its best epoch on, which may "
            "be other faces than those compared here."
        )
    else:
        st.caption("None of these models has a stored history.")


def _curves(compared: Compared, name: str, labels: dict[str, str]) -> dict[str, RocCurve]:
    """Return label → the curve of this name, where a model has one."""
    found = {}
    for model in compared.together:
        curves = resources.made_of(roc_curves, model, compared.target)
        mine = next((curve for curve in curves if curve.name == name), None)
        if mine is not None:
            found[labels[model.name]] = mine
    return found
