"""The metrics of an evaluation in a row, and the effect of train duplicates on them."""

from dataclasses import replace

import streamlit as st

from dashboard import resources
from pipeline.errors import UserError
from pipeline.report.evaluation import Evaluation
from pipeline.report.units import accuracy_with_interval, interval, percent, score

_CARD_PX = 170
_HELP = {
    "Accuracy": "Share of faces whose label is the top emotion; a random guess reaches 14%. The "
    "interval says how precisely so many faces show the accuracy on others like them.",
    "Macro F1": "F1, the harmonic mean of precision and recall, averaged over the emotions: rare "
    "ones count as much as frequent ones. Weighted, each counts by its number of faces.",
    "Top-2 accuracy": "Share of faces whose label is among the top two emotions. Balanced accuracy "
    "is the mean recall of the emotions.",
    "ROC AUC, macro": "How well the probabilities rank the faces of an emotion before the others, "
    "averaged over the emotions: 0.5 is chance, 1 is perfect. Micro takes all emotions together.",
    "Calibration error": "How far, on average, confidence and accuracy lie apart. Log loss is the "
    "mean negative logarithm of the label's probability. Lower is better for both. Both are of the "
    "network's own probabilities: *Calibration* shows them after temperature scaling.",
}


def show_metrics(evaluation: Evaluation) -> None:
    """Show cards of two metrics each, and a line on train duplicates."""
    metrics = evaluation.metrics
    cards = {
        "Accuracy": (percent(metrics.accuracy), f"95% CI {interval(evaluation.interval)}"),
        "Macro F1": (score(metrics.macro_f1), f"weighted {score(metrics.weighted_f1)}"),
        "Top-2 accuracy": (
            percent(metrics.top2_accuracy),
            f"balanced {percent(metrics.balanced_accuracy)}",
        ),
        "ROC AUC, macro": (score(metrics.auc_macro), f"micro {score(metrics.auc_micro)}"),
        "Calibration error": (percent(metrics.ece), f"log loss {score(metrics.log_loss)}"),
    }
    with st.grid(len(cards), min_column_width=_CARD_PX, gap="small"):
        for label, (value, second) in cards.items():
            st.metric(
                label,
                value,
                second,
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=_HELP[label],
            )
    if leak := _leak(evaluation):
        st.caption(leak)


def _leak(evaluation: Evaluation) -> str:
    """Return the metrics with train duplicates if they are left out, else without them."""
    subset = evaluation.subset
    if subset.split == "train":
        return "The model was trained on these faces: the metrics show how well it fits them."
    if not len(resources.duplicates(subset)):
        return ""
    try:
        other = resources.metrics(
            evaluation.model, replace(subset, without_duplicates=not subset.without_duplicates)
        )
    except UserError:
        return "Every face has a duplicate in the training split."
    n = abs(other.metrics.n - evaluation.metrics.n)
    if not n:
        return ""
    return (
        f"{'With' if subset.without_duplicates else 'Without'} the {n:,} faces that have an exact "
        "duplicate in the training split: accuracy "
        f"{accuracy_with_interval(other.metrics.accuracy, other.interval)}, macro F1 "
        f"{score(other.metrics.macro_f1)}, log loss {score(other.metrics.log_loss)}."
    )
