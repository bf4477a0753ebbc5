"""Weights against imbalance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS

SCHEMES = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
"""Scheme that follows from the faces → the power of 1 / count that an emotion weighs."""


def class_weights(
    labels: NDArray[np.uint8], scheme: str, given: Sequence[float] = ()
) -> NDArray[np.float32]:
    """Return the weight of each emotion, float32 (7,), whose mean over the faces is 1.

    Args:
        labels: uint8 (n,), the training faces' emotions.
        scheme: one of `SCHEMES`, in which an emotion without faces gets 0; or `given`.
        given: one positive number an emotion for the scheme `given`, whose ratios are kept.
    """
    counts = np.bincount(labels, minlength=len(EMOTIONS)).astype(np.float64)
    weights = np.array(given, float) if scheme == "given" else _inverse(counts, SCHEMES[scheme])
    weights *= counts.sum() / (weights * counts).sum()
    return weights.astype(np.float32)


def _inverse(counts: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    return np.where(counts > 0, np.maximum(counts, 1) ** -power, 0)
