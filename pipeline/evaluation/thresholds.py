"""One emotion called from a threshold on: what that finds, and what it costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS

OUTCOMES = ("found", "false alarms", "missed")
"""What can become of a face that has the emotion or is called it."""


@dataclass(frozen=True)
class OperatingPoint:
    """What is called an emotion when its probability is at least a threshold.

    Args:
        emotion: its name.
        threshold: the least probability, 0-1.
        tp: faces of the emotion that are called it.
        fp: others that are called it.
        fn: faces of the emotion that are not.
        tn: others that are not.
    """

    emotion: str
    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float:
        """The share of what is called the emotion that is it; 1 where nothing is called it."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """The share of the emotion's faces that are called it: the true positive rate."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def fpr(self) -> float:
        """The share of the others that are called the emotion: the false positive rate."""
        return self.fp / (self.fp + self.tn) if self.fp + self.tn else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.tp / max(1, 2 * self.tp + self.fp + self.fn)


def operating_point(predictions: Predictions, emotion: str, threshold: float) -> OperatingPoint:
    """Count what a threshold makes of an emotion, regardless of the other probabilities."""
    is_it, called = _sides(predictions, emotion, threshold)
    tp, fp = int((is_it & called).sum()), int((~is_it & called).sum())
    n, faces = len(is_it), int(is_it.sum())
    return OperatingPoint(emotion, threshold, tp, fp, faces - tp, n - faces - fp)


def faces_at(
    predictions: Predictions, emotion: str, threshold: float, outcome: str
) -> NDArray[np.intp]:
    """Return the positions of the faces of one of `OUTCOMES`, the nearest to the threshold first.

    These are the ones that another threshold would change first.
    """
    is_it, called = _sides(predictions, emotion, threshold)
    chosen = {"found": is_it & called, "false alarms": ~is_it & called, "missed": is_it & ~called}
    faces = np.flatnonzero(chosen[outcome])
    away = np.abs(predictions.probabilities[faces, EMOTIONS.index(emotion)] - threshold)
    return faces[np.argsort(away, kind="stable")]


def _sides(
    predictions: Predictions, emotion: str, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    label = EMOTIONS.index(emotion)
    scores = predictions.probabilities[:, label]
    return predictions.y_true == label, scores >= np.float32(threshold)
