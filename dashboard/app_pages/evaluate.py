"""Evaluate: how good a model is on a split, and which faces it gets wrong."""

import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.charts.history import learning_curves
from dashboard.components.confusions import show_confusions
from dashboard.components.evaluation_job import offer_evaluation
from dashboard.components.model_picker import Target, find_targets, pick_model, pick_target
from dashboard.components.units import percent
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Metrics
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, list_models

_PLAIN = {"displayModeBar": False}
_BAR_PX = 118


def show_metrics(metrics: Metrics, interval: tuple[float, float]) -> None:
    """Show the figures in a row, each with a second one below it."""
    low, high = (100 * end for end in interval)
    auc = "–" if metrics.auc_macro is None else f"{metrics.auc_macro:.3f}"
    micro = "–" if metrics.auc_micro is None else f"{metrics.auc_micro:.3f}"
    row = {
        "Accuracy": (percent(metrics.accuracy), f"{low:.1f} – {high:.1f} % (95 %)"),
        "Macro F1": (f"{metrics.macro_f1:.3f}", f"weighted {metrics.weighted_f1:.3f}"),
        "Top-2 accuracy": (
            percent(metrics.top2_accuracy),
            f"balanced {percent(metrics.balanced_accuracy)}",
        ),
        "ROC AUC, macro": (auc, f"micro {micro}"),
        "Calibration error": (percent(metrics.ece), f"log loss {metrics.log_loss:.3f}"),
    }
    with st.grid(len(row), min_column_width=170, gap="small"):
        for label, (value, second) in row.items():
            st.metric(label, value, second, delta_color="off", delta_arrow="off", border=True)


def show_report(metrics: Metrics) -> None:
    """Show precision, recall and F1 of each emotion as a sortable table with bars."""
    figures = pd.DataFrame(
        {
            "emotion": EMOTIONS,
            "precision": [100 * metrics.per_class[e].precision for e in EMOTIONS],
            "recall": [100 * metrics.per_class[e].recall for e in EMOTIONS],
            "F1": [100 * metrics.per_class[e].f1 for e in EMOTIONS],
            "faces": [metrics.per_class[e].support for e in EMOTIONS],
        }
    )
    bar = st.column_config.ProgressColumn(
        format="%.1f %%", min_value=0, max_value=100, width=_BAR_PX
    )
    emotion = st.column_config.TextColumn(pinned=True)
    columns = {"emotion": emotion, "precision": bar, "recall": bar, "F1": bar}
    st.dataframe(figures, column_config=columns, hide_index=True, alt="Figures by emotion")


def show_history(model: Run) -> None:
    """Show the learning curves of the model's training, where its history is known."""
    history = model.history()
    if history.empty:
        st.caption("This model has no stored history.")
        return
    try:
        figure = learning_curves(history, model.config().train.monitor)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    st.plotly_chart(figure, config=_PLAIN, alt="Accuracy and loss by epoch")


def offer(model: Run, target: Target) -> None:
    """Say that an evaluation is missing, and offer to do it if its data set is here."""
    where = f"**{target.split}** of **{target.dataset}**"
    st.markdown(f"No predictions of **{model.name}** on {where} are stored yet.")
    if resources.dataset_by_fingerprint(target.fingerprint) is None:
        st.caption(f"'{target.dataset}' ({target.fingerprint}) is not in this workspace.")
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    offer_evaluation("evaluate_start", [target.job(model)], "Evaluate")


def show_evaluation(model: Run, target: Target) -> None:
    """Show everything about a model on a split, or how to get it."""
    folder = model.evaluation_path(target.fingerprint, target.split)
    try:
        predictions = resources.stored_predictions(model, folder)
        metrics, interval = resources.metrics(model, folder)
    except UserError as error:
        if (folder / "predictions.npz").exists():
            st.warning(str(error), icon=":material/warning:")
        offer(model, target)
        return
    st.caption(
        f"{metrics.n:,} faces of {predictions.dataset}, {predictions.split} · fingerprint "
        f"{predictions.fingerprint[:12]}"
    )
    show_metrics(metrics, interval)
    show_confusions(predictions, metrics, resources.curves(model, folder))
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("By emotion")
        show_report(metrics)
    with right:
        st.subheader("Learning curves")
        show_history(model)


st.title("Evaluate")
models = list_models()
if not models:
    st.markdown(
        "Here a trained model is judged: its accuracy with an interval, what it confuses with "
        "what, how sure it is, and the faces behind every number. There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
left, right = st.columns(2)
with left:
    model = pick_model("evaluate", models)
targets = find_targets([model])
if not targets:
    st.markdown("There are no faces to judge this model on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
    st.stop()
with right:
    target = pick_target("evaluate", targets)
show_evaluation(model, target)
