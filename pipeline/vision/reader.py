"""From one grey picture after another to the faces on screen and what they show."""

from dataclasses import dataclass
from math import inf
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.faces import Box, Detector, crop_face
from pipeline.vision.label import UNCERTAIN, leading_emotion
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.track import Track
from pipeline.vision.tracking import Tracker


@dataclass(frozen=True)
class ShownFace:
    """A face on screen.

    Attributes:
        number: its track.
        box: where it was seen last.
        emotion: its label; None where no emotion clearly leads.
        probabilities: float32 (7,), smoothed over time.
        confidence: the likeliest emotion's probability at the model's temperature, 0-1.
        picture: uint8 (48, 48), what the model saw last.
        activation: float32 (h, w), the likeliest emotion's class activation map, if asked for.
    """

    number: int
    box: Box
    emotion: str | None
    probabilities: NDArray[np.float32]
    confidence: float
    picture: NDArray[np.uint8]
    activation: NDArray[np.float32] | None = None

    @property
    def label(self) -> str:
        """What the face is said to show."""
        return self.emotion or UNCERTAIN


class FaceReader:
    """Detects, tracks, recognises in one batch, and smooths. For one thread at a time.

    Attributes:
        detector: finds faces; may be replaced between two pictures.
        smoothing_s: time over which probabilities are averaged, 0 for none.
        explains: whether class activation maps are made, too.
        longest_s: how long to recognise faces of one picture; more faces than that allows take
            turns, so that the boxes keep up with them.
        boxes: where the last picture has faces, also those that do not show yet or any more.
        seconds: what `detect` and `recognise` took in the last picture.
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer,
        smoothing_s: float,
        explains: bool = False,
        longest_s: float = inf,
    ) -> None:
        self.detector = detector
        self.smoothing_s = smoothing_s
        self.explains = explains
        self.longest_s = longest_s
        self.boxes: tuple[Box, ...] = ()
        self.seconds: dict[str, float] = {}
        self._recognizer = recognizer
        self._face_s = 0.0
        self._tracker = Tracker()

    def use(self, recognizer: Recognizer) -> None:
        """Look with another model from now on: faces keep their numbers, not what they showed."""
        self._recognizer, self._face_s = recognizer, 0.0
        for track in self._tracker.tracks:
            track.forget()

    def begin_anew(self) -> None:
        """Let go of all faces, whose places mean nothing in pictures of another size."""
        self._tracker.clear()

    def read(self, gray: NDArray[np.uint8], now_s: float) -> tuple[ShownFace, ...]:
        """Return the faces on screen, by number, after looking at a picture, uint8 (h, w)."""
        started = monotonic()
        tracks = self._tracker.update(self.detector.detect(gray), now_s)
        detected = monotonic()
        self.seconds = {"detect": detected - started}
        if tracks:
            due = self._due(tracks)
            self._recognise(gray, due, now_s)
            self.seconds["recognise"] = monotonic() - detected
            self._face_s = self.seconds["recognise"] / len(due)
        recognised = [track for track in self._tracker.shown() if track.observed_s > -inf]
        shown = sorted(recognised, key=lambda track: track.number)
        self.boxes = tuple({track.box for track in self._tracker.tracks})
        return tuple(map(self._show, shown))

    def _due(self, tracks: list[Track]) -> list[Track]:
        """Return the tracks that have waited longest: all, or as many as there is time for."""
        most = self.longest_s / self._face_s if self._face_s else inf
        waited = sorted(tracks, key=lambda track: track.observed_s)
        return waited[: int(max(1, min(most, len(tracks))))]

    def _recognise(self, gray: NDArray[np.uint8], tracks: list[Track], now_s: float) -> None:
        faces = np.stack([crop_face(gray, track.box) for track in tracks])
        if self.explains:
            found, maps = self._recognizer.explain(faces)
        else:
            found, maps = self._recognizer.predict(faces), None
        for i, track in enumerate(tracks):
            track.observe(faces[i], found[i], now_s, self.smoothing_s)
            best = int(track.probabilities.argmax())
            track.activation = None if maps is None else maps[i, ..., best]

    def _show(self, track: Track) -> ShownFace:
        confidences = self._recognizer.calibrated(track.probabilities)
        track.emotion = leading_emotion(confidences, track.emotion)
        return ShownFace(
            track.number,
            track.box,
            track.emotion,
            track.probabilities,
            float(confidences.max()),
            track.picture,
            track.activation,
        )
