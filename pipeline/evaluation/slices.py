"""Accuracy on slices of a split: by brightness, contrast, FER+ agreement and duplicates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.audit import Audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.duplicates import NO_GROUP, members_differ, number_groups, unique_images
from pipeline.data.statistics import Statistics
from pipeline.data.votes import agreement
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.evaluation.predictions import Predictions

_QUANTILES = 5
_MIN_TENTHS = 4
DUPLICATE_STATUSES = (
    "duplicate in train",
    "near-duplicate in train",
    "duplicate elsewhere",
    "no duplicate",
)


@dataclass(frozen=True)
class Slice:
    """A slice of a split and the accuracy on it.

    Args:
        kind: `brightness`, `contrast`, `FER+ agreement` or `duplicates`.
        name: which slice of that kind, such as `52 – 81`.
        faces: intp (m,), positions in the predictions, m at least 1.
        accuracy: accuracy on these faces, 0-1.
        interval: its 95% interval.
    """

    kind: str
    name: str
    faces: NDArray[np.intp]
    accuracy: float
    interval: tuple[float, float]


def slices(
    predictions: Predictions,
    dataset: FaceDataset,
    statistics: Statistics,
    audit: Audit | None = None,
) -> list[Slice]:
    """Return the slices of a split that are not empty, kind by kind, each in its natural order.

    Args:
        predictions: predictions for a split of the data set.
        dataset: the data set.
        statistics: brightness and contrast of its faces.
        audit: its audit; without one only exact duplicates are known.
    """
    rows = pd.Index(dataset.ids).get_indexer(pd.Index(predictions.ids))
    parts = [
        *_by_quantile("brightness", statistics.brightness[rows]),
        *_by_quantile("contrast", statistics.contrast[rows]),
    ]
    if dataset.votes is not None:
        parts += _by_agreement(agreement(dataset.votes[rows]))
    status = duplicate_status(dataset, audit)[rows]
    parts += [("duplicates", name, status == name) for name in DUPLICATE_STATUSES]
    return [_slice(kind, name, mask, predictions) for kind, name, mask in parts if mask.any()]


def duplicate_status(dataset: FaceDataset, audit: Audit | None = None) -> NDArray[np.str_]:
    """Return where each face has a duplicate, the closest one counts: str (n,), one of four.

    Args:
        dataset: the data set.
        audit: its audit, for near-duplicates too.
    """
    if audit is None:
        identical = number_groups(unique_images(dataset.images)[1])
        near = np.full(len(dataset), NO_GROUP, np.int32)
    else:
        identical, near = audit.duplicates, audit.near_duplicates
    in_train = dataset.splits == "train"
    status = np.full(len(dataset), DUPLICATE_STATUSES[3], dtype="<U23")
    status[(identical != NO_GROUP) | (near != NO_GROUP)] = DUPLICATE_STATUSES[2]
    status[members_differ(near, in_train) & ~in_train] = DUPLICATE_STATUSES[1]
    status[members_differ(identical, in_train) & ~in_train] = DUPLICATE_STATUSES[0]
    return status


Part = tuple[str, str, NDArray[np.bool_]]


def _by_quantile(kind: str, values: NDArray[np.float32]) -> Iterator[Part]:
    """Yield the quintiles of the faces by a value; equal values stay in one slice."""
    values = np.rint(values)  # as the names show them
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _QUANTILES + 1), method="higher"))
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(0, len(edges) - 2))
    for number in np.unique(part):
        low, high = edges[number], edges[min(number + 1, len(edges) - 1)]
        yield kind, f"{low:.0f} – {high:.0f}", part == number


def _by_agreement(values: NDArray[np.float32]) -> Iterator[Part]:
    tenths = np.maximum(np.rint(10 * values), _MIN_TENTHS)
    for number in range(_MIN_TENTHS, 11):
        at_most = "at most " if number == _MIN_TENTHS else ""
        yield "FER+ agreement", f"{at_most}{10 * number}%", tenths == number


def _slice(kind: str, name: str, mask: NDArray[np.bool_], predictions: Predictions) -> Slice:
    part = predictions.take(mask)
    accuracy = float(part.correct.mean())
    return Slice(kind, name, np.flatnonzero(mask), accuracy, accuracy_interval(part))
