"""Metrics of a model on a split, computed from stored probabilities."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.evaluation.calibration import log_loss, reliability
from pipeline.evaluation.curves import areas_under_roc
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS

METRIC_NAMES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "top2_accuracy",
    "log_loss",
    "ece",
    "auc_macro",
    "auc_micro",
)
"""The scalar fields of `Metrics`."""


@dataclass(frozen=True)
class ClassMetrics:
    """Precision, recall and F1 of one emotion, 0 where undefined; support is its face count."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Metrics:
    """The metrics of a model on a split.

    Averages over emotions follow scikit-learn: balanced accuracy over those with faces in the
    split, F1 over those in the truth or in the predictions, AUC over those with faces both in and
    out of the class.

    Args:
        model: the model's name.
        dataset: the data set's name.
        split: the split's name.
        exclude: name of the exclusion list whose faces were left out, or None.
        n: number of faces, at least 1.
        accuracy: top-1 accuracy, 0-1.
        balanced_accuracy: mean recall, 0-1.
        macro_f1: mean F1, 0-1.
        weighted_f1: mean F1 weighted by support, 0-1.
        top2_accuracy: share of faces whose label is among the top two emotions, 0-1.
        log_loss: mean negative natural logarithm of the label's probability.
        ece: expected calibration error in 15 bins of equal width, 0-1 (Naeini et al. 2015).
        auc_macro: mean of the areas under the ROC curves, or None if no class has one.
        auc_micro: area under the ROC curve of all face-emotion pairs.
        per_class: emotion → its metrics, all seven.
        confusion: int (7, 7), rows true, columns predicted.
    """

    model: str
    dataset: str
    split: str
    exclude: str | None
    n: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    top2_accuracy: float
    log_loss: float
    ece: float
    auc_macro: float | None
    auc_micro: float | None
    per_class: Mapping[str, ClassMetrics]
    confusion: NDArray[np.int64]

    def summary(self) -> dict[str, Any]:
        """Return what `evaluate --json` prints and `metrics.json` holds."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "split": self.split,
            "exclude": self.exclude,
            "n": self.n,
            **{name: getattr(self, name) for name in METRIC_NAMES},
            "per_class": {name: asdict(metrics) for name, metrics in self.per_class.items()},
        }


def compute_metrics(predictions: Predictions) -> Metrics:
    """Compute every metric of a model on a split.

    Ties between emotions go to the first in the order of `EMOTIONS`, as in `argmax`.

    Raises:
        UserError: there are no faces.
    """
    if not len(predictions):
        raise UserError(
            f"The evaluation of '{predictions.model}' holds no faces: evaluate it again."
        )
    confusion = _confusion(predictions)
    per_class = _per_class(confusion)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = np.array([each.f1 for each in per_class.values()])
    recall = np.array([each.recall for each in per_class.values()])
    areas = areas_under_roc(predictions)
    return Metrics(
        model=predictions.model,
        dataset=predictions.dataset,
        split=predictions.split,
        exclude=predictions.exclusion or None,
        n=len(predictions),
        accuracy=float(predictions.correct.mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1[(support > 0) | (predicted > 0)].mean()),
        weighted_f1=float(np.average(f1, weights=support)),
        top2_accuracy=float(np.mean(_rank(predictions) < 2)),
        log_loss=log_loss(predictions),
        ece=reliability(predictions).ece,
        auc_macro=areas.get("macro"),
        auc_micro=areas.get("micro"),
        per_class=per_class,
        confusion=confusion,
    )


def proportion_interval(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a proportion: 5 of 5 gives 0.566 to 1, 0 of 20 0 to 0.161.

    Unlike a bootstrap's it has a width when all faces are right, or none. Wilson 1927, "Probable
    Inference, the Law of Succession, and Statistical Inference".

    Args:
        successes: such as the number of correct predictions.
        n: of how many, at least 1.
    """
    from scipy.stats import binomtest  # imported here, since it takes half a second

    ends = binomtest(successes, n).proportion_ci(method="wilson")
    return min(float(ends.low), successes / n), max(float(ends.high), successes / n)


def accuracy_interval(predictions: Predictions) -> tuple[float, float]:
    """Return the 95% interval of the accuracy on at least one face, see `proportion_interval`."""
    return proportion_interval(int(predictions.correct.sum()), len(predictions))


def _confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Return the confusion matrix, int (7, 7), rows true, columns predicted."""
    n = len(EMOTIONS)
    cells = predictions.y_true.astype(np.intp) * n + predictions.predicted
    return np.asarray(np.bincount(cells, minlength=n * n).reshape(n, n), np.int64)


def _per_class(confusion: NDArray[np.int64]) -> dict[str, ClassMetrics]:
    tp, support, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = tp / np.maximum(predicted, 1), tp / np.maximum(support, 1)
    f1 = 2 * tp / np.maximum(support + predicted, 1)
    return {
        emotion: ClassMetrics(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
        for i, emotion in enumerate(EMOTIONS)
    }


def _rank(predictions: Predictions) -> NDArray[np.intp]:
    """Return the rank of each label, 0 for the top emotion; ties in the order of `EMOTIONS`."""
    labels, scores = predictions.y_true[:, np.newaxis], predictions.probabilities
    label_scores = np.take_along_axis(scores, labels, axis=1)
    ties = scores == label_scores
    before = (scores > label_scores) | (ties & (np.arange(len(EMOTIONS)) < labels))
    return np.asarray(before.sum(axis=1))
