"""One emotion against the rest at every threshold: ROC and precision-recall curves."""

from collections.abc import Iterator
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
        thresholds: float (k,), the least probability that is called this emotion, falling from
            infinity; empty for `macro`, which has no common one.
        auc: the area under it, 0-1.
    """

    name: str
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    auc: float


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """A curve from recall 0 to recall 1.

    Args:
        name: an emotion or `micro`.
        recall: float (k,), rising.
        precision: float (k,), 1 where nothing is called this emotion.
        thresholds: float (k,), the least probability that is called this emotion, falling from
            infinity.
        average_precision: the mean precision, weighted by the rise of recall, 0-1.
        share: the share of the faces that are this emotion: the precision of a guess.
    """

    name: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    average_precision: float
    share: float


def roc_curves(predictions: Predictions) -> list[RocCurve]:
    """Return a curve for each emotion, then the macro and the micro average.

    An emotion without faces, or without faces of others beside it, has none. The macro curve is
    the mean of the emotions' curves at equal false positive rates, and its area the mean of
    theirs; the micro curve counts every face-emotion pair alike.
    """
    curves = [_curve(*each) for each in _against_the_rest(predictions)]
    if len(curves) > 1:
        curves.insert(-1, _macro(curves[:-1]))
    return curves


def precision_recall_curves(predictions: Predictions) -> list[PrecisionRecallCurve]:
    """Return a curve for each emotion with faces, and without, then the micro average."""
    return [_precision_recall(*each) for each in _against_the_rest(predictions)]


def _against_the_rest(
    predictions: Predictions,
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.float32]]]:
    """Give name, truth and score of each emotion, then of all face-emotion pairs."""
    hits = predictions.y_true[:, np.newaxis] == np.arange(len(EMOTIONS))
    scores = predictions.probabilities
    for i, emotion in enumerate(EMOTIONS):
        if 0 < hits[:, i].sum() < len(hits):
            yield emotion, hits[:, i], scores[:, i]
    if len(hits):
        yield "micro", hits.ravel(), scores.ravel()


def areas_under_roc(predictions: Predictions) -> dict[str, float]:
    """Return the area under each curve that `roc_curves` gives, without the curves.

    Returns:
        Emotion, `macro` or `micro` → the area, 0-1.
    """
    areas = {name: _area(hits, scores) for name, hits, scores in _against_the_rest(predictions)}
    emotions = [area for name, area in areas.items() if name in EMOTIONS]
    return areas | ({"macro": float(np.mean(emotions))} if emotions else {})


def _area(hits: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return how often a hit scores higher than another, a tie counting half.

    That is the area, nine times as fast as by the curve (Hanley & McNeil 1982, "The meaning and
    use of the area under a ROC curve").
    """
    hit, other = np.sort(scores[hits]), np.sort(scores[~hits])
    below = np.searchsorted(other, hit, "left").sum() + np.searchsorted(other, hit, "right").sum()
    return float(below / 2 / (len(hit) * len(other)))


def _curve(name: str, hits: NDArray[np.bool_], scores: NDArray[np.float32]) -> RocCurve:
    from sklearn.metrics import roc_curve  # a second, for those who judge only

    fpr, tpr, thresholds = roc_curve(hits, scores)
    return RocCurve(name, fpr, tpr, thresholds, _area(hits, scores))


def _precision_recall(
    name: str, hits: NDArray[np.bool_], scores: NDArray[np.float32]
) -> PrecisionRecallCurve:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(hits, scores, drop_intermediate=True)
    return PrecisionRecallCurve(
        name,
        recall[::-1],
        precision[::-1],
        np.append(np.inf, thresholds[::-1]),
        float(average_precision_score(hits, scores)),
        float(hits.mean()),
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
