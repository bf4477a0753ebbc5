"""How good a model is on parts of a split: dark faces, flat ones, ones that people agree on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.audit import Audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.groups import NO_GROUP, different_pictures, members_differ, number_groups
from pipeline.data.statistics import Statistics
from pipeline.data.votes import agreement
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.evaluation.predictions import Predictions

_PARTS = 5
_LEAST_TENTHS = 4
_TWINS = ("twin in train", "near twin in train", "twin elsewhere", "no twin")


@dataclass(frozen=True)
class Slice:
    """The faces of a split that have something in common, and how often the model is right.

    Args:
        kind: what they have in common: brightness, contrast, FER+ agreement or twins.
        name: what of it, such as `52 – 81`.
        faces: intp (m,), positions in the predictions, m at least 1.
        accuracy: the share of them that is right, 0-1.
        interval: its 95 % bootstrap interval.
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
    """Return the slices of a split, kind by kind, each in its natural order; empty ones are not.

    Args:
        predictions: what the model said.
        dataset: the data set, which holds their faces.
        statistics: the light of its faces.
        audit: its defects; without them only identical twins are known.
    """
    rows = pd.Index(dataset.ids).get_indexer(pd.Index(predictions.ids))
    parts = [
        *_fifths("brightness", statistics.brightness[rows]),
        *_fifths("contrast", statistics.contrast[rows]),
    ]
    if dataset.votes is not None:
        parts += _agreements(agreement(dataset.votes[rows]))
    parts += _named("twins", twin_status(dataset, audit)[rows], _TWINS)
    return [_measured(kind, name, mask, predictions) for kind, name, mask in parts if mask.any()]


def twin_status(dataset: FaceDataset, audit: Audit | None = None) -> NDArray[np.str_]:
    """Return where each face has a twin, the closest counts: str (n,), one of four.

    Args:
        dataset: the data set.
        audit: its defects, for near twins too.
    """
    if audit is None:
        identical = number_groups(different_pictures(dataset.images)[1])
        near = np.full(len(dataset), NO_GROUP, np.int32)
    else:
        identical, near = audit.identical, audit.near_identical
    in_train = dataset.splits == "train"
    status = np.full(len(dataset), _TWINS[3], dtype="<U20")
    status[(identical != NO_GROUP) | (near != NO_GROUP)] = _TWINS[2]
    status[members_differ(near, in_train) & ~in_train] = _TWINS[1]
    status[members_differ(identical, in_train) & ~in_train] = _TWINS[0]
    return status


Part = tuple[str, str, NDArray[np.bool_]]


def _fifths(kind: str, values: NDArray[np.float32]) -> Iterator[Part]:
    """Give the fifths of the faces by a value; equal values stay together."""
    values = np.rint(values)  # as they are named
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1), method="higher"))
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(0, len(edges) - 2))
    for number in np.unique(part):
        low, high = edges[number], edges[min(number + 1, len(edges) - 1)]
        yield kind, f"{low:.0f} – {high:.0f}", part == number


def _agreements(values: NDArray[np.float32]) -> Iterator[Part]:
    tenths = np.maximum(np.rint(10 * values), _LEAST_TENTHS)
    for number in range(_LEAST_TENTHS, 11):
        least = "at most " if number == _LEAST_TENTHS else ""
        yield "FER+ agreement", f"{least}{10 * number} %", tenths == number


def _named(kind: str, values: NDArray[np.str_], names: Sequence[str]) -> Iterator[Part]:
    for name in names:
        yield kind, name, values == name


def _measured(kind: str, name: str, mask: NDArray[np.bool_], predictions: Predictions) -> Slice:
    chosen = predictions.of(mask)
    right = float(chosen.right.mean())
    return Slice(kind, name, np.flatnonzero(mask), right, accuracy_interval(chosen))
