"""What the ten FER+ annotators of a face agree on.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", https://arxiv.org/abs/1608.01041.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import VOTES
from pipeline.labels import EMOTIONS, label_of

MAJORITIES = (*EMOTIONS, "contempt", "unknown", "not a face", "no majority")
"""What the votes on a face can say; the first seven are the emotions in their order."""

_COLUMNS = [
    *(next(i for i, vote in enumerate(VOTES) if label_of(vote) == e) for e in range(len(EMOTIONS))),
    VOTES.index("contempt"),
    VOTES.index("unknown"),
    VOTES.index("NF"),
]
NOT_A_FACE = MAJORITIES.index("not a face")
NO_MAJORITY = MAJORITIES.index("no majority")


def majority(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what more than half of a face's votes say.

    Args:
        votes: uint8 (n, 10) in the order of `VOTES`.

    Returns:
        uint8 (n,), indices into `MAJORITIES`.
    """
    ordered = votes[:, _COLUMNS].astype(np.int64)
    clear = 2 * ordered.max(axis=1, initial=0) > ordered.sum(axis=1)
    return np.where(clear, ordered.argmax(axis=1), NO_MAJORITY).astype(np.uint8)


def emotion_shares(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how the votes for one of the seven emotions are spread over them.

    Args:
        votes: uint8 (n, 10) in the order of `VOTES`.

    Returns:
        float32 (n, 7) in the order of `EMOTIONS`; rows sum to 1, or are 0 where nobody saw one.
    """
    cast = votes[:, _COLUMNS[: len(EMOTIONS)]]
    totals = np.maximum(cast.sum(axis=1, dtype=np.int64), 1)
    return np.asarray(cast / totals[:, np.newaxis], np.float32)


def agreement(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of a face's votes that its most frequent vote has, float32 (n,), 0-1."""
    totals = np.maximum(votes.sum(axis=1, dtype=np.int64), 1)
    return np.asarray(votes.max(axis=1) / totals, np.float32)


def entropy(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how far a face's votes are spread, float32 (n,), in bits: 0 when all agree."""
    shares = votes / np.maximum(votes.sum(axis=1, dtype=np.int64), 1)[:, np.newaxis]
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.abs((shares * logs).sum(axis=1)), np.float32)


def against_label(votes: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which faces have a majority for another emotion, contempt included, than the label."""
    found = majority(votes)
    return np.asarray((found <= MAJORITIES.index("contempt")) & (found != labels))
