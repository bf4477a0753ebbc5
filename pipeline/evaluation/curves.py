"""ROC and precision-recall curves, one emotion against the rest, and points on them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS

OUTCOMES = ("True positives", "False positives", "False negatives")

_GRID = np.linspace(0.0, 1.0, 1001)


@dataclass(frozen=True)
class RocCurve:
    """A ROC curve from (0, 0) to (1, 1).

    Args:
        name: an emotion, `macro` or `micro`.
        fpr: float (k,), false positive rate, rising.
        tpr: float (k,), true positive rate, rising.
        thresholds: float (k,), falling from infinity; a face is positive from this probability
            on. Empty for `macro`, whose emotions have different ones.
        auc: area under the curve, 0-1.
    """

    name: str
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    auc: float


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """A precision-recall curve from recall 0 to recall 1.

    Args:
        name: an emotion or `micro`.
        recall: float (k,), rising.
        precision: float (k,), 1 without a positive prediction.
        thresholds: float (k,), falling from infinity; a face is positive from this probability
            on.
        average_precision: mean precision, weighted by the increase in recall, 0-1.
        prevalence: share of the faces that have the emotion: the precision of a random guess.
    """

    name: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    average_precision: float
    prevalence: float


def roc_curves(predictions: Predictions) -> list[RocCurve]:
    """Return a curve for each emotion, then the macro and the micro average.

    An emotion that no face has, or that all faces have, has no curve. The macro curve is the mean
    of the emotions' curves at equal false positive rates, and its area the mean of their areas;
    the micro curve treats every face-emotion pair as one binary prediction.
    """
    curves = [_curve(*each) for each in _against_the_rest(predictions)]
    if len(curves) > 1:
        curves.insert(-1, _macro(curves[:-1]))
    return curves


def precision_recall_curves(predictions: Predictions) -> list[PrecisionRecallCurve]:
    """Return a curve for each emotion, then the micro average; emotions as in `roc_curves`."""
    return [_precision_recall(*each) for each in _against_the_rest(predictions)]


def _against_the_rest(
    predictions: Predictions,
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.float32]]]:
    """Yield name, truth and score of each emotion, then of all face-emotion pairs."""
    truth = predictions.y_true[:, np.newaxis] == np.arange(len(EMOTIONS))
    scores = predictions.probabilities
    for i, emotion in enumerate(EMOTIONS):
        if 0 < truth[:, i].sum() < len(truth):
            yield emotion, truth[:, i], scores[:, i]
    if len(truth):
        yield "micro", truth.ravel(), scores.ravel()


def areas_under_roc(predictions: Predictions) -> dict[str, float]:
    """Return the area under each curve that `roc_curves` gives, without the curves.

    Returns:
        Emotion, `macro` or `micro` → the area, 0-1.
    """
    areas = {name: _area(truth, scores) for name, truth, scores in _against_the_rest(predictions)}
    emotions = [area for name, area in areas.items() if name in EMOTIONS]
    return areas | ({"macro": float(np.mean(emotions))} if emotions else {})


def _area(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return how often a positive scores higher than a negative, a tie counting half.

    That is the area under the curve, nine times as fast as from the curve (Hanley & McNeil 1982,
    "The meaning and use of the area under a ROC curve").
    """
    positive, negative = np.sort(scores[truth]), np.sort(scores[~truth])
    below = sum(np.searchsorted(negative, positive, side).sum() for side in ("left", "right"))
    return float(below / 2 / (len(positive) * len(negative)))


def _curve(name: str, truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> RocCurve:
    from sklearn.metrics import roc_curve  # takes a second, which metrics alone do not need

    fpr, tpr, thresholds = roc_curve(truth, scores)
    return RocCurve(name, fpr, tpr, thresholds, _area(truth, scores))


def _precision_recall(
    name: str, truth: NDArray[np.bool_], scores: NDArray[np.float32]
) -> PrecisionRecallCurve:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(truth, scores, drop_intermediate=True)
    return PrecisionRecallCurve(
        name,
        recall[::-1],
        precision[::-1],
        np.append(np.inf, thresholds[::-1]),
        float(average_precision_score(truth, scores)),
        float(truth.mean()),
    )


def _macro(curves: list[RocCurve]) -> RocCurve:
    tpr = np.mean([np.interp(_GRID, curve.fpr, curve.tpr) for curve in curves], axis=0)
    return RocCurve(
        "macro",
        np.append(0.0, _GRID),
        np.append(0.0, tpr),
        np.empty(0),
        float(np.mean([c.auc for c in curves])),
    )


@dataclass(frozen=True)
class OperatingPoint:
    """Predictions of one emotion against the rest at a decision threshold.

    Args:
        emotion: its name.
        threshold: a face is positive from this probability on, 0-1.
        tp: number of true positives.
        fp: number of false positives.
        fn: number of false negatives.
        tn: number of true negatives.
    """

    emotion: str
    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 1 without a positive prediction."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """TP / (TP + FN), the true positive rate; 0 without a positive face."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def fpr(self) -> float:
        """FP / (FP + TN), the false positive rate; 0 without a negative face."""
        return self.fp / (self.fp + self.tn) if self.fp + self.tn else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.tp / max(1, 2 * self.tp + self.fp + self.fn)


def operating_point(predictions: Predictions, emotion: str, threshold: float) -> OperatingPoint:
    """Count the outcomes of one emotion at a threshold on its probability."""
    truth, positive = _binary(predictions, emotion, threshold)
    tp, fp = int((truth & positive).sum()), int((~truth & positive).sum())
    n, faces = len(truth), int(truth.sum())
    return OperatingPoint(emotion, threshold, tp, fp, faces - tp, n - faces - fp)


def faces_with_outcome(
    predictions: Predictions, emotion: str, threshold: float, outcome: str
) -> NDArray[np.intp]:
    """Return the positions of the faces with one of `OUTCOMES`, nearest to the threshold first."""
    truth, positive = _binary(predictions, emotion, threshold)
    masks = truth & positive, ~truth & positive, truth & ~positive
    faces = np.flatnonzero(masks[OUTCOMES.index(outcome)])
    distance = np.abs(predictions.probabilities[faces, EMOTIONS.index(emotion)] - threshold)
    return faces[np.argsort(distance, kind="stable")]


def _binary(
    predictions: Predictions, emotion: str, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    label = EMOTIONS.index(emotion)
    scores = predictions.probabilities[:, label]
    return predictions.y_true == label, scores >= np.float32(threshold)
