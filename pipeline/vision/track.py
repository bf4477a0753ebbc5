"""One face over time: where it is, and what it has shown lately."""

from dataclasses import dataclass, field
from math import exp, inf

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE
from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        box: where it was seen last.
        seen_s: when it was seen last.
        sightings: pictures it was found in.
        number: counted from 1 as faces begin to show, 0 before; never used again.
        observed_s: when it was recognised last.
        picture: uint8 (48, 48), what was recognised then.
        probabilities: float32 (7,), smoothed over time.
        activation: float32 (h, w), the likeliest emotion's class activation map, if it was made.
        emotion: its label so far; None while none clearly leads.
    """

    box: Box
    seen_s: float
    sightings: int = 1
    number: int = 0
    observed_s: float = -inf
    picture: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((SIZE, SIZE), np.uint8))
    probabilities: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(EMOTIONS), np.float32)
    )
    activation: NDArray[np.float32] | None = None
    emotion: str | None = None

    def observe(
        self,
        picture: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        now_s: float,
        smoothing_s: float,
    ) -> None:
        """Take in what was recognised: after `smoothing_s` seconds 63 % of the old is forgotten."""
        self.picture = picture
        kept = exp((self.observed_s - now_s) / smoothing_s) if smoothing_s > 0 else 0.0
        mixed = kept * self.probabilities + (1 - kept) * probabilities
        self.probabilities = np.asarray(mixed, np.float32)
        self.observed_s = now_s

    def forget(self) -> None:
        """Forget what it has shown, since another model looks from now on."""
        self.observed_s = -inf
        self.emotion = self.activation = None
