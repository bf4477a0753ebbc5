"""Temperature scaling: one number that makes a network as sure as it is right.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks",
https://arxiv.org/abs/1706.04599.
"""

import numpy as np
from numpy.typing import NDArray


def scale(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return the softmax of the logits divided by a temperature; no emotion passes another.

    Args:
        probabilities: float32 (n, 7), a softmax; its logarithms are the logits but for a constant.
        temperature: above 0; more than 1 makes the model less sure.

    Returns:
        float32 (n, 7).
    """
    return np.asarray(np.exp(log_scale(probabilities, temperature)), np.float32)


def log_scale(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Return the natural logarithms of what `scale` returns, float64 (n, 7)."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny), dtype=np.float64)
    logits = (logits - logits.max(axis=-1, keepdims=True)) / temperature
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))
