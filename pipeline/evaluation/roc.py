"""Receiver operating characteristics: one emotion against the rest, and two averages."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS

_GRID = np.linspace(0.0, 1.0, 1001)


@dataclass(frozen=True)
class RocCurve:
    """A curve from (0, 0) to (1, 1).

    Args:
        name: an emotion, `macro` or `micro`.
        fpr: float (k,), false positive rate, rising.
        tpr: float (k,), true positive rate, rising.
        auc: the area under it, 0-1.
    """

    name: str
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    auc: float


def roc_curves(predictions: Predictions) -> list[RocCurve]:
    """Return a curve for each emotion, then the macro and the micro average.

    An emotion without faces, or without faces of others beside it, has none. The macro curve is
    the mean of the emotions' curves at equal false positive rates, and its area the mean of
    theirs; the micro curve counts every face-emotion pair alike.
    """
    hits = predictions.y_true[:, np.newaxis] == np.arange(len(EMOTIONS))
    scores = predictions.probabilities
    curves = [
        _curve(emotion, hits[:, i], scores[:, i])
        for i, emotion in enumerate(EMOTIONS)
        if 0 < hits[:, i].sum() < len(hits)
    ]
    if curves:
        curves.append(_macro(curves))
    if len(hits):
        curves.append(_curve("micro", hits.ravel(), scores.ravel()))
    return curves


def mean_auc(curves: Iterable[RocCurve]) -> float | None:
    """Return the mean area of the emotions' curves, or None if there is none."""
    areas = [curve.auc for curve in curves if curve.name in EMOTIONS]
    return float(np.mean(areas)) if areas else None


def _curve(name: str, hits: NDArray[np.bool_], scores: NDArray[np.float32]) -> RocCurve:
    from sklearn.metrics import auc, roc_curve  # a second, for those who judge only

    fpr, tpr, _ = roc_curve(hits, scores)
    return RocCurve(name, fpr, tpr, float(auc(fpr, tpr)))


def _macro(curves: list[RocCurve]) -> RocCurve:
    tpr = np.mean([np.interp(_GRID, curve.fpr, curve.tpr) for curve in curves], axis=0)
    return RocCurve(
        "macro", np.append(0.0, _GRID), np.append(0.0, tpr), float(np.mean([c.auc for c in curves]))
    )
