"""From probabilities to a confidence (temperature scaling) and to the label of a face.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks",
https://arxiv.org/abs/1706.04599.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS

UNCERTAIN = "uncertain"
_MIN_LEAD_NEW = 0.10
_MIN_LEAD_SAME = 0.05


def scale_probabilities(
    probabilities: NDArray[np.float32], temperature: float
) -> NDArray[np.float32]:
    """Return the softmax of the logits divided by a temperature; the order of emotions stays.

    Args:
        probabilities: float32 (n, 7), a softmax; its logarithms are the logits but for a constant.
        temperature: above 0; more than 1 lowers the model's confidence.

    Returns:
        float32 (n, 7).
    """
    return np.asarray(np.exp(scale_log_probabilities(probabilities, temperature)), np.float32)


def scale_log_probabilities(
    probabilities: NDArray[np.float32], temperature: float
) -> NDArray[np.float64]:
    """Return the natural logarithms of what `scale_probabilities` returns, float64 (n, 7)."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny), dtype=np.float64)
    logits = (logits - logits.max(axis=-1, keepdims=True)) / temperature
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))


def choose_label(confidences: NDArray[np.float32], previous: str = UNCERTAIN) -> str:
    """Return the emotion that clearly leads, or `uncertain`.

    A new label needs a lead of 10 points over the second emotion. The previous label stays down
    to a lead of 5 points, so that it does not flicker.

    Args:
        confidences: float32 (7,), probabilities at the model's temperature.
        previous: the face's label in the frame before.
    """
    second, best = np.argsort(confidences)[-2:]
    lead = confidences[best] - confidences[second]
    emotion = EMOTIONS[best]
    return (
        emotion if lead >= (_MIN_LEAD_SAME if emotion == previous else _MIN_LEAD_NEW) else UNCERTAIN
    )
