"""The charts of an evaluation, as the Evaluate page and the HTML report show them.

To add one, write a function in `pipeline/report/charts` and register it here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from pipeline.evaluation.calibration import reliability
from pipeline.report.charts.calibration import reliability_diagram
from pipeline.report.charts.confusion import confusion_matrix, most_confused_pairs
from pipeline.report.charts.curves import precision_recall_by_emotion, roc_by_emotion
from pipeline.report.charts.learning_curves import learning_curves
from pipeline.report.charts.slices import accuracy_by_slice
from pipeline.report.evaluation import Evaluation


@dataclass(frozen=True)
class EvaluationChart:
    """A chart of an evaluation.

    Args:
        view: the view of the Evaluate page that shows it.
        draw: evaluation → figure, or None if the evaluation lacks what the chart shows.
        clickable: whether that view draws it itself, so that a click on a mark selects faces.
    """

    view: Literal["Confusion", "Curves", "Calibration", "Mistakes", "Slices", "Training"]
    draw: Callable[[Evaluation], go.Figure | None]
    clickable: bool = False


def _reliability(evaluation: Evaluation) -> go.Figure:
    diagrams = {"as predicted": reliability(evaluation.predictions)}
    if evaluation.cross_fitted is not None:
        diagrams["temperature scaled, cross-fitted"] = reliability(evaluation.cross_fitted)
    return reliability_diagram(diagrams)


def _slices(evaluation: Evaluation) -> go.Figure | None:
    if evaluation.dataset is None:
        return None
    return accuracy_by_slice(evaluation.slices, evaluation.metrics.accuracy)


def _learning_curves(evaluation: Evaluation) -> go.Figure | None:
    history = evaluation.model.history()
    return None if history.empty else learning_curves(history, evaluation.monitor)


EVALUATION_CHARTS = {
    "Confusion matrix": EvaluationChart(
        "Confusion", lambda e: confusion_matrix(e.metrics.confusion), clickable=True
    ),
    "ROC curves, one emotion against the rest": EvaluationChart(
        "Curves", lambda e: roc_by_emotion(e.roc_curves), clickable=True
    ),
    "Precision-recall curves": EvaluationChart(
        "Curves", lambda e: precision_recall_by_emotion(e.precision_recall_curves), clickable=True
    ),
    "Reliability diagram": EvaluationChart("Calibration", _reliability, clickable=True),
    "Most confused pairs": EvaluationChart(
        "Mistakes", lambda e: most_confused_pairs(e.metrics.confusion), clickable=True
    ),
    "Accuracy by slice": EvaluationChart("Slices", _slices, clickable=True),
    "Learning curves": EvaluationChart("Training", _learning_curves),
}
"""Title → chart."""
