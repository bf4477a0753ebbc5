"""Compare: several models on the same faces, side by side."""

import streamlit as st

from dashboard import resources
from dashboard.charts.report import f1_by_emotion
from dashboard.charts.roc import roc_by_model
from dashboard.components.comparison import Comparison, compare, comparison_table, show_table
from dashboard.components.evaluation_job import offer_evaluation
from dashboard.components.model_picker import Target, find_targets, pick_target
from pipeline.evaluation.roc import RocCurve
from pipeline.runs import Run, list_models

_PLAIN = {"displayModeBar": False}
_AT_FIRST = 6


def show_missing(comparison: Comparison, target: Target) -> None:
    """Name the models that are passed over, and offer to evaluate them."""
    for problem in comparison.problems:
        st.warning(problem, icon=":material/warning:")
    if not comparison.missing:
        return
    names = ", ".join(model.name for model in comparison.missing)
    st.caption(f"Not evaluated on {target.split} of {target.dataset} yet: {names}.")
    if resources.dataset_by_fingerprint(target.fingerprint) is None:
        st.page_link("app_pages/dataset.py", label="Import the data set", icon=":material/upload:")
        return
    n = len(comparison.missing)
    jobs = [target.job(model) for model in comparison.missing]
    offer_evaluation("compare_start", jobs, f"Evaluate {n} model{'s' * (n > 1)}")


def macro_curves(models: list[Run], comparison: Comparison, target: Target) -> dict[str, RocCurve]:
    """Return model → its macro ROC curve, where it has one."""
    found = {}
    for model in models:
        if model.name in comparison.metrics:
            folder = model.evaluation_path(target.fingerprint, target.split)
            curves = {curve.name: curve for curve in resources.curves(model, folder)}
            if "macro" in curves:
                found[model.name] = curves["macro"]
    return found


def show_comparison(models: list[Run], target: Target) -> None:
    """Show the table, ROC curves and F1 by emotion of models on a split."""
    comparison = compare(models, target)
    if comparison.metrics:
        n = next(iter(comparison.metrics.values())).n
        st.caption(
            f"{n:,} faces of {target.dataset}, {target.split} · fingerprint {target.fingerprint} "
            "· the best of each figure is tinted"
        )
        show_table(comparison_table(comparison, models))
    show_missing(comparison, target)
    if not comparison.metrics:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("ROC curves, mean of the emotions")
        figure = roc_by_model(macro_curves(models, comparison, target))
        st.plotly_chart(figure, config=_PLAIN, alt="Macro ROC curve of each model")
    with right:
        st.subheader("F1 by emotion")
        figure = f1_by_emotion(comparison.metrics)
        st.plotly_chart(figure, config=_PLAIN, alt="F1 of each model by emotion")


st.title("Compare")
models = list_models()
if not models:
    st.markdown(
        "Here models are put side by side on the same faces: every figure with the best marked, "
        "their ROC curves, and how well each emotion is recognised. There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
by_name = {model.name: model for model in models}
left, right = st.columns(2)
with left:
    names = st.multiselect(
        "Models",
        list(by_name),
        default=list(by_name)[:_AT_FIRST],
        key="compare_models",
        bind="query-params",
        placeholder="Choose models",
        wrap=True,
    )
chosen = [by_name[name] for name in names if name in by_name]
targets = find_targets(chosen or models)
if not targets:
    st.markdown("There are no faces to judge these models on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
    st.stop()
with right:
    target = pick_target("compare", targets)
if chosen:
    show_comparison(chosen, target)
else:
    st.caption("Choose one or more models above.")
