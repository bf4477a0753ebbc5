"""What a face is trained towards: its label, its FER+ votes, or both. Loads no keras.

A teacher's probabilities are blended in as each face is seen, see `FaceBatches`.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.data.votes import emotion_shares
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, find_model
from pipeline.training.config import TrainConfig


def one_hot(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 (n, 7) with 1 at each label, uint8 (n,), and 0 elsewhere."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[labels]


def training_targets(config: TrainConfig, dataset: FaceDataset) -> NDArray[np.float32]:
    """Return the distribution over the emotions that each face is trained towards.

    Args:
        config: says what the targets are made of, and the votes' share of a blend.
        dataset: the faces; one that nobody saw an emotion in keeps its label.

    Returns:
        float32 (n, 7), rows that sum to 1.

    Raises:
        UserError: the targets need votes and the data set has none.
    """
    check_targets(config, dataset)
    labels = one_hot(dataset.labels)
    if config.targets == "labels" or dataset.votes is None:
        return labels
    share = config.vote_share if config.targets == "blend" else 1.0
    votes = emotion_shares(dataset.votes)
    blend = share * votes + (1 - share) * labels
    seen = votes.any(axis=1, keepdims=True)
    return np.where(seen, blend, labels).astype(np.float32)


def check_targets(config: TrainConfig, dataset: FaceDataset) -> None:
    """Make sure that there is what the targets are made of.

    Raises:
        UserError: the data set has no votes, or there is no such teacher.
    """
    teacher_of(config)
    if config.targets != "labels" and dataset.votes is None:
        raise UserError(
            f"Data set '{dataset.name}' has no FER+ votes for --targets {config.targets}: import "
            "it with --ferplus FILE, or take --targets labels."
        )


def teacher_of(config: TrainConfig) -> Run | None:
    """Return the model that is learnt from, None where there is none.

    Raises:
        UserError: there is no such model.
    """
    return None if config.teacher == "none" else find_model(config.teacher)
