"""Aggregates of FER+ votes: majority, shares of emotions, agreement, entropy.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", https://arxiv.org/abs/1608.01041.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import VOTES
from pipeline.labels import EMOTIONS, label_of

MAJORITIES = (*EMOTIONS, "contempt", "unknown", "not a face", "no majority")
"""Possible majorities of a face's votes; the first seven are `EMOTIONS`."""

_COLUMNS = [
    *(next(i for i, vote in enumerate(VOTES) if label_of(vote) == e) for e in range(len(EMOTIONS))),
    VOTES.index("contempt"),
    VOTES.index("unknown"),
    VOTES.index("NF"),
]
NOT_A_FACE = MAJORITIES.index("not a face")
NO_MAJORITY = MAJORITIES.index("no majority")


def majority(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the vote that more than half of a face's annotators gave.

    Args:
        votes: uint8 (n, 10) in the order of `VOTES`.

    Returns:
        uint8 (n,), indices into `MAJORITIES`.
    """
    ordered = votes[:, _COLUMNS].astype(np.int64)
    clear = 2 * ordered.max(axis=1, initial=0) > ordered.sum(axis=1)
    return np.where(clear, ordered.argmax(axis=1), NO_MAJORITY).astype(np.uint8)


def emotion_shares(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the distribution of each face's votes over the seven emotions.

    Args:
        votes: uint8 (n, 10) in the order of `VOTES`.

    Returns:
        float32 (n, 7) in the order of `EMOTIONS`; rows sum to 1, or to 0 without such votes.
    """
    counts = votes[:, _COLUMNS[: len(EMOTIONS)]]
    totals = np.maximum(counts.sum(axis=1, dtype=np.int64), 1)
    return np.asarray(counts / totals[:, np.newaxis], np.float32)


def agreement(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the share of each face's most frequent vote, float32 (n,), 0-1."""
    totals = np.maximum(votes.sum(axis=1, dtype=np.int64), 1)
    return np.asarray(votes.max(axis=1) / totals, np.float32)


def entropy(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the entropy of each face's votes in bits, float32 (n,): 0 if all agree."""
    shares = votes / np.maximum(votes.sum(axis=1, dtype=np.int64), 1)[:, np.newaxis]
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.abs((shares * logs).sum(axis=1)), np.float32)


def against_label(votes: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which faces have a majority for another emotion than the label, or for contempt."""
    majorities = majority(votes)
    is_emotion = majorities <= MAJORITIES.index("contempt")
    return np.asarray(is_emotion & (majorities != labels))
