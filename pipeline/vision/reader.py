"""From one grey picture after another to the faces on screen and what they show."""

from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box, Detector, crop_face
from pipeline.vision.meters import Durations
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.track import Track
from pipeline.vision.tracking import Tracker


@dataclass(frozen=True)
class ShownFace:
    """A face on screen.

    Attributes:
        number: its track.
        box: where it was seen last.
        emotion: its label.
        probabilities: float32 (7,), smoothed over time.
        confidence: the label's probability at the model's temperature, 0-1.
        picture: uint8 (48, 48), what the model saw last.
    """

    number: int
    box: Box
    emotion: str
    probabilities: NDArray[np.float32]
    confidence: float
    picture: NDArray[np.uint8]


class FaceReader:
    """Detects, tracks, recognises in one batch, and smooths. For one thread at a time.

    Args:
        detector: finds faces.
        recognizer: the model.
        smoothing_s: time over which probabilities are averaged, 0 for none.
    """

    def __init__(self, detector: Detector, recognizer: Recognizer, smoothing_s: float) -> None:
        self._detector = detector
        self._recognizer = recognizer
        self._smoothing_s = smoothing_s
        self._tracker = Tracker()
        self.durations = Durations()

    def read(self, gray: NDArray[np.uint8], now_s: float) -> tuple[ShownFace, ...]:
        """Return the faces on screen, oldest first, after looking at a picture, uint8 (h, w)."""
        started = monotonic()
        boxes = self._detector.detect(gray)
        detected = monotonic()
        tracks = self._tracker.update(boxes, now_s)
        self.durations.add("detect", detected - started)
        if tracks:
            self._recognise(gray, tracks, now_s)
            self.durations.add("recognise", monotonic() - detected)
        return tuple(map(self._show, self._tracker.shown()))

    def _show(self, track: Track) -> ShownFace:
        sure = self._recognizer.calibrated(track.probabilities)[EMOTIONS.index(track.emotion)]
        return ShownFace(
            track.number, track.box, track.emotion, track.probabilities, float(sure), track.picture
        )

    def _recognise(self, gray: NDArray[np.uint8], tracks: list[Track], now_s: float) -> None:
        faces = np.stack([crop_face(gray, track.box) for track in tracks])
        found = self._recognizer.predict(faces)
        for track, face, probabilities in zip(tracks, faces, found, strict=True):
            track.observe(face, probabilities, now_s, self._smoothing_s)
