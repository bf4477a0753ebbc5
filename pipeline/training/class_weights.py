"""Weights against imbalance."""

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS


def class_weights(labels: NDArray[np.uint8], scheme: str) -> NDArray[np.float32]:
    """Return the weight of each emotion, float32 (7,), whose mean over the faces is 1.

    Args:
        labels: uint8 (n,), the training faces' emotions.
        scheme: `none` gives ones, `balanced` weights by 1 / count, `sqrt` by its square root;
            an emotion without faces gets 0.
    """
    counts = np.bincount(labels, minlength=len(EMOTIONS)).astype(np.float64)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[scheme]
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0)
    weights *= counts.sum() / (weights * counts).sum()
    return weights.astype(np.float32)
