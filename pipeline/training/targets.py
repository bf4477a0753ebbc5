"""Training targets (labels, FER+ votes or both) and class weights.

Loads no keras. A teacher's probabilities are blended in as each face is seen, see `FaceBatches`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.votes import emotion_shares
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From faces, uint8 (n, 48, 48), to the probabilities of the emotions, float32 (n, 7)."""

CLASS_WEIGHT_POWERS = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
"""Scheme → the power of 1 / count that is the weight of an emotion."""


def one_hot(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 (n, 7) with 1 at each label, uint8 (n,), and 0 elsewhere."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[labels]


def training_targets(config: TrainConfig, dataset: FaceDataset) -> NDArray[np.float32]:
    """Return the distribution over the emotions that each face is trained toward.

    Args:
        config: the kind of targets, and the votes' share of a blend.
        dataset: the faces; one without a vote for an emotion keeps its label.

    Returns:
        float32 (n, 7), rows that sum to 1.

    Raises:
        UserError: the targets need votes and the data set has none.
    """
    check_votes(config, dataset)
    labels = one_hot(dataset.labels)
    if config.targets == "labels" or dataset.votes is None:
        return labels
    share = config.vote_share if config.targets == "blend" else 1.0
    votes = emotion_shares(dataset.votes)
    blend = share * votes + (1 - share) * labels
    voted = votes.any(axis=1, keepdims=True)
    return np.where(voted, blend, labels).astype(np.float32)


def check_votes(config: TrainConfig, dataset: FaceDataset) -> None:
    """Check that the data set has votes if the targets need them.

    Raises:
        UserError: it has none.
    """
    if config.targets != "labels" and dataset.votes is None:
        raise UserError(
            f"Data set '{dataset.name}' has no FER+ votes for --targets {config.targets}: import "
            "it with --ferplus FILE, or take --targets labels.",
            on_page=f"Data set '{dataset.name}' has no FER+ votes: import it with its votes, or "
            "take the labels as targets.",
            field="targets",
        )


def training_counts(dataset: FaceDataset, seed: int = 0) -> NDArray[np.int64]:
    """Return how many faces of each emotion a training fits on, int64 (7,).

    Those are the faces of `train`, less the tenth that is held out where the data set has no split
    to choose the epoch on.

    Args:
        dataset: the faces; excluded ones do not count.
        seed: the run's seed, which draws the held-out tenth.

    Raises:
        UserError: there are no training faces.
    """
    labels = dataset.labels[dataset.training_indices(seed)]
    return np.bincount(labels, minlength=len(EMOTIONS))


def class_weights(
    counts: NDArray[np.int64], scheme: str, given: Sequence[float] = ()
) -> NDArray[np.float32]:
    """Return the weight of each emotion, float32 (7,), whose mean over the faces is 1.

    Args:
        counts: int (7,), the training faces of each emotion, see `training_counts`.
        scheme: one of `CLASS_WEIGHT_POWERS`, in which an emotion without faces weighs 0; or
            `given`.
        given: one positive number an emotion for the scheme `given`, whose ratios stay.
    """
    if scheme == "given":
        weights = np.array(given, np.float64)
    else:
        power = CLASS_WEIGHT_POWERS[scheme]
        weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -power, 0.0)
    weights *= counts.sum() / (weights * counts).sum()
    return weights.astype(np.float32)
