"""The figures of an evaluation in a row, and what faces that training showed add to them."""

from dataclasses import replace

import streamlit as st

from dashboard import resources
from dashboard.components.evaluate.judged import Judged
from dashboard.components.units import accuracy_with_interval, percent
from pipeline.errors import UserError

_LEAST_CARD_PX = 170


def show_figures(judged: Judged) -> None:
    """Show the figures in a row, each with a second one below it, and the leak in a line."""
    metrics = judged.metrics
    low, high = (100 * end for end in judged.interval)
    row = {
        "Accuracy": (percent(metrics.accuracy), f"{low:.1f} – {high:.1f} % (95 %)"),
        "Macro F1": (f"{metrics.macro_f1:.3f}", f"weighted {metrics.weighted_f1:.3f}"),
        "Top-2 accuracy": (
            percent(metrics.top2_accuracy),
            f"balanced {percent(metrics.balanced_accuracy)}",
        ),
        "ROC AUC, macro": (_three(metrics.auc_macro), f"micro {_three(metrics.auc_micro)}"),
        "Calibration error": (percent(metrics.ece), f"log loss {metrics.log_loss:.3f}"),
    }
    with st.grid(len(row), min_column_width=_LEAST_CARD_PX, gap="small"):
        for label, (value, second) in row.items():
            st.metric(label, value, second, delta_color="off", delta_arrow="off", border=True)
    leak = _leak(judged)
    if leak:
        st.caption(leak)


def _three(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.3f}"


def _leak(judged: Judged) -> str:
    """Return what the same figures are with, or without, faces that training showed, too."""
    target = judged.target
    if target.split == "train":
        return "The model was trained on these faces: the figures say what it remembers."
    if not len(resources.twins(target)):
        return ""
    try:
        other = resources.measured(
            judged.model, replace(target, without_twins=not target.without_twins)
        )
    except UserError:
        return "Every face has a twin in the training split."
    more = abs(other.metrics.n - judged.metrics.n)
    if not more:
        return ""
    figures = (
        f"accuracy {accuracy_with_interval(other.metrics.accuracy, other.interval)}, "
        f"macro F1 {other.metrics.macro_f1:.3f}, log loss {other.metrics.log_loss:.3f}"
    )
    if target.without_twins:
        return f"With the {more:,} faces whose very picture is in the training split: {figures}."
    return f"Without the {more:,} faces whose very picture is in the training split: {figures}."
