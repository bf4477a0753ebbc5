"""What a face is said to show: the likeliest emotion, or nothing where that barely leads."""

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS

UNCERTAIN = "uncertain"
_CLEAR_LEAD = 0.10
_LOST_LEAD = 0.05


def leading_emotion(confidences: NDArray[np.float32], before: str | None = None) -> str | None:
    """Return the emotion that clearly leads, or None.

    A new label needs a lead of 10 points over the second; the one before stays down to 5, so that
    it does not come and go.

    Args:
        confidences: float32 (7,), probabilities at the model's temperature.
        before: the face's label so far.
    """
    second, best = np.argsort(confidences)[-2:]
    lead = confidences[best] - confidences[second]
    emotion = EMOTIONS[best]
    return emotion if lead >= (_LOST_LEAD if emotion == before else _CLEAR_LEAD) else None
