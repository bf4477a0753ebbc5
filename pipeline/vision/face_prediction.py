"""A face in an image or a video frame, with the emotion that a model predicts for it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box


@dataclass(frozen=True, eq=False)
class FacePrediction:
    """A face and its predicted emotion.

    Attributes:
        track_id: of a video, the same for one face in all frames.
        box: in pixels of the image.
        label: the emotion that clearly leads, else `uncertain`.
        confidences: float32 (7,), the probabilities at the model's temperature.
        probabilities: float32 (7,), in the order of `EMOTIONS`; of a video, smoothed over time.
        number: of the face among those that are listed, from 1; 0 before its track lasts a second.
        time_s: when the frame was taken, in seconds of the video or of the monotonic clock.
        face_gray: uint8 (48, 48), the face crop that the model saw last.
        activation_map: float32 (h, w), the most probable emotion's class activation map.
    """

    track_id: int
    box: Box
    label: str
    confidences: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    number: int = 0
    time_s: float = 0.0
    face_gray: NDArray[np.uint8] | None = None
    activation_map: NDArray[np.float32] | None = None

    @property
    def confidence(self) -> float:
        """The confidence of the most probable emotion, 0-1."""
        return float(self.confidences.max())

    @property
    def emotion(self) -> str:
        """The most probable emotion, whether or not it clearly leads."""
        return EMOTIONS[int(self.probabilities.argmax())]

    def without_image(self) -> Self:
        """Return a copy without the face crop and the activation map."""
        return replace(self, face_gray=None, activation_map=None)
