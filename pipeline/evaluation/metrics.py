"""The figures that say how good a model is, computed from stored probabilities."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.evaluation.calibration import log_loss, reliability
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.roc import areas_under_roc
from pipeline.labels import EMOTIONS

FIGURES = (
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
"""The single numbers of `Metrics`."""

LESS_IS_BETTER = ("log_loss", "ece")


@dataclass(frozen=True)
class ClassMetrics:
    """How well one emotion is recognised; 0 where a share has nothing to be a share of."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Metrics:
    """The figures of a model on a split.

    Averages over emotions follow scikit-learn: balanced accuracy over those with faces in the
    split, F1 over those in the truth or in the predictions, AUC over those with faces both in and
    out of the class.

    Args:
        model: the model's name.
        dataset: the data set's name.
        split: the split's name.
        exclude: name of the exclusion list whose faces were left out, or None.
        n: number of faces, at least 1.
        accuracy: share of faces whose likeliest emotion is the label, 0-1.
        balanced_accuracy: mean recall, 0-1.
        macro_f1: mean F1, 0-1.
        weighted_f1: mean F1 weighted by support, 0-1.
        top2_accuracy: share of faces whose label is one of the two likeliest emotions, 0-1.
        log_loss: mean negative natural logarithm of the label's probability.
        ece: expected calibration error in 15 bins of equal width, 0-1 (Naeini et al. 2015).
        auc_macro: mean of the areas under the ROC curves, or None if no class has one.
        auc_micro: area under the ROC curve of all face-emotion pairs.
        per_class: emotion → its figures, all seven.
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
            **{name: getattr(self, name) for name in FIGURES},
            "per_class": {name: asdict(figures) for name, figures in self.per_class.items()},
        }


def compute_metrics(predictions: Predictions) -> Metrics:
    """Compute every figure of a model on a split.

    Ties between emotions go to the first in the order of `EMOTIONS`, as in `argmax`.

    Raises:
        UserError: there are no faces.
    """
    if not len(predictions):
        raise UserError(f"The evaluation of '{predictions.model}' holds no faces: do it again.")
    confusion = _confusion(predictions)
    per_class = _per_class(confusion)
    support, called = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = np.array([figures.f1 for figures in per_class.values()])
    recall = np.array([figures.recall for figures in per_class.values()])
    areas = areas_under_roc(predictions)
    return Metrics(
        model=predictions.model,
        dataset=predictions.dataset,
        split=predictions.split,
        exclude=predictions.exclusion or None,
        n=len(predictions),
        accuracy=float(predictions.right.mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1[(support > 0) | (called > 0)].mean()),
        weighted_f1=float(np.average(f1, weights=support)),
        top2_accuracy=float(np.mean(_rank(predictions) < 2)),
        log_loss=log_loss(predictions),
        ece=reliability(predictions).ece,
        auc_macro=areas.get("macro"),
        auc_micro=areas.get("micro"),
        per_class=per_class,
        confusion=confusion,
    )


def accuracy_interval(
    predictions: Predictions, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the accuracy.

    Drawing faces with replacement makes the number of right ones binomial, so that is drawn.

    Args:
        predictions: at least one face.
        resamples: how many times the split is drawn again.
        seed: of the drawing.
    """
    n = len(predictions)
    right = float(predictions.right.mean())
    accuracies = np.random.default_rng(seed).binomial(n, right, resamples) / n
    low, high = np.quantile(accuracies, (0.025, 0.975))
    return float(low), float(high)


def _confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Return how often each label was taken for each emotion, int (7, 7)."""
    n = len(EMOTIONS)
    cells = predictions.y_true.astype(np.intp) * n + predictions.predicted
    return np.asarray(np.bincount(cells, minlength=n * n).reshape(n, n), np.int64)


def _per_class(confusion: NDArray[np.int64]) -> dict[str, ClassMetrics]:
    right, labelled, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = right / np.maximum(called, 1), right / np.maximum(labelled, 1)
    f1 = 2 * right / np.maximum(labelled + called, 1)
    return {
        emotion: ClassMetrics(float(precision[i]), float(recall[i]), float(f1[i]), int(labelled[i]))
        for i, emotion in enumerate(EMOTIONS)
    }


def _rank(predictions: Predictions) -> NDArray[np.intp]:
    """Return how many emotions come before the label, 0 if none does; of equal ones the first."""
    labels, scores = predictions.y_true[:, np.newaxis], predictions.probabilities
    own = np.take_along_axis(scores, labels, axis=1)
    before = (scores > own) | ((scores == own) & (np.arange(len(EMOTIONS)) < labels))
    return np.asarray(before.sum(axis=1))
