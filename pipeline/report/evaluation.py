"""A model's evaluation: metrics, curves and slices for its page, charts and report."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.audit import load_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import statistics
from pipeline.errors import UserError
from pipeline.evaluation import slices as evaluation_slices
from pipeline.evaluation.calibration import cross_fitted
from pipeline.evaluation.curves import (
    PrecisionRecallCurve,
    RocCurve,
    precision_recall_curves,
    roc_curves,
)
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.subset import EvaluationSubset, training_duplicates
from pipeline.runs import Run


@dataclass(frozen=True)
class Evaluation:
    """A model's evaluation on a subset. Properties are computed once, when first used.

    Args:
        model: a run or a bundled model.
        subset: the faces.
        predictions: the model's predictions for them, of at least one face.
        dataset: their data set, or None if it is not in the workspace.
    """

    model: Run
    subset: EvaluationSubset
    predictions: Predictions
    dataset: FaceDataset | None

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics."""
        return compute_metrics(self.predictions)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95% interval of the accuracy."""
        return accuracy_interval(self.predictions)

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Positions of the faces in the data set, intp (n,); -1 for a missing face."""
        if self.dataset is None:
            return np.full(len(self.predictions), -1, np.intp)
        return pd.Index(self.dataset.ids).get_indexer(pd.Index(self.predictions.ids))

    @cached_property
    def roc_curves(self) -> list[RocCurve]:
        """ROC curves by emotion, then the averages."""
        return roc_curves(self.predictions)

    @cached_property
    def precision_recall_curves(self) -> list[PrecisionRecallCurve]:
        """Precision-recall curves by emotion, then the micro average."""
        return precision_recall_curves(self.predictions)

    @cached_property
    def cross_fitted(self) -> Predictions | None:
        """The predictions with temperature scaling, cross-fitted; None where that is impossible."""
        return cross_fitted(self.predictions)

    @cached_property
    def slices(self) -> list[evaluation_slices.Slice]:
        """The slices, with near-duplicates if the data set was audited; none without it."""
        if self.dataset is None:
            return []
        return evaluation_slices.slices(
            self.predictions, self.dataset, statistics(self.dataset), load_audit(self.dataset)
        )

    @property
    def monitor(self) -> str:
        """The metric that the model's best epoch was chosen by; empty if unknown."""
        try:
            return self.model.train_config().monitor
        except UserError:
            return ""


def with_and_without_duplicates(
    predictions: Predictions, dataset: FaceDataset | None
) -> dict[str, Predictions]:
    """Return the predictions for all faces, and for those without train duplicates if any."""
    columns = {"all faces": predictions}
    if dataset is not None:
        remaining = predictions.without(training_duplicates(dataset))
        if 0 < len(remaining) < len(predictions):
            columns["without train duplicates"] = remaining
    return columns
