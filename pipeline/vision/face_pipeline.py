"""Detect, track, recognize and smooth: from gray video frames to face predictions."""

from math import inf
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.boxes import Box, crop_face
from pipeline.vision.confidence import choose_label
from pipeline.vision.detectors import Detector
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.tracking import Track, Tracker

_SAME_SHAPE = 0.05


class FacePipeline:
    """Processes the frames of one video in order. Not thread-safe.

    Attributes:
        detector: finds faces; may be replaced between two frames.
        smoothing_s: time constant over which probabilities are averaged, 0 for none.
        explain: whether class activation maps are computed, too.
        max_recognition_s: time for recognition in one frame. If there are more faces than that
            allows, they take turns, so that the boxes stay up to date.
        boxes: of all tracks after the last frame, also of those that are not confirmed.
        stage_s: how long `detect` and `recognize` took in the last frame.
        recognized_share: of the faces of the last frame, 0-1; 1 if there was none.
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer,
        smoothing_s: float,
        explain: bool = False,
        max_recognition_s: float = inf,
    ) -> None:
        self.detector = detector
        self.smoothing_s = smoothing_s
        self.explain = explain
        self.max_recognition_s = max_recognition_s
        self.boxes: tuple[Box, ...] = ()
        self.stage_s: dict[str, float] = {}
        self.recognized_share = 1.0
        self._recognizer = recognizer
        self._seconds_per_face = 0.0
        self._tracker = Tracker()

    def set_recognizer(self, recognizer: Recognizer) -> None:
        """Change the model: tracks stay, their probabilities start again."""
        self._recognizer, self._seconds_per_face = recognizer, 0.0
        for track in self._tracker.tracks:
            track.reset_recognition()

    def change_size(self, old: tuple[int, ...], new: tuple[int, ...]) -> None:
        """Follow a change of the frames' height and width: tracks stay if the shape does."""
        factor, other = new[0] / old[0], new[1] / old[1]
        if abs(factor / other - 1) > _SAME_SHAPE:
            self._tracker.reset()
        else:
            self._tracker.rescale(factor)

    def process(self, gray: NDArray[np.uint8], now_s: float) -> tuple[FacePrediction, ...]:
        """Return the faces of confirmed tracks, by track id, after a frame, uint8 (h, w)."""
        started = monotonic()
        tracks = self._tracker.update(self.detector.detect(gray), now_s)
        detected = monotonic()
        self.stage_s, self.recognized_share = {"detect": detected - started}, 1.0
        if tracks:
            due = self._due(tracks)
            self.recognized_share = len(due) / len(tracks)
            self._recognize(gray, due, now_s)
            self.stage_s["recognize"] = monotonic() - detected
            self._seconds_per_face = self.stage_s["recognize"] / len(due)
        self.boxes = tuple({track.box for track in self._tracker.tracks})
        recognized = (track for track in self._tracker.confirmed() if track.recognized_s > -inf)
        return tuple(self._predict(track, now_s) for track in recognized)

    def _due(self, tracks: list[Track]) -> list[Track]:
        """Return the tracks to recognize now, the longest waiting first."""
        limit = self.max_recognition_s / self._seconds_per_face if self._seconds_per_face else inf
        waiting = sorted(tracks, key=lambda track: track.recognized_s)
        return waiting[: int(max(1, min(limit, len(tracks))))]

    def _recognize(self, gray: NDArray[np.uint8], tracks: list[Track], now_s: float) -> None:
        faces = np.stack([crop_face(gray, track.box) for track in tracks])
        if self.explain:
            probabilities, maps = self._recognizer.explain(faces)
        else:
            probabilities, maps = self._recognizer.predict(faces), None
        for i, track in enumerate(tracks):
            track.update_probabilities(faces[i], probabilities[i], now_s, self.smoothing_s)
            best = int(track.probabilities.argmax())
            track.activation_map = None
            if maps is not None and maps.size:  # an added model may have none
                track.activation_map = maps[i, ..., best]

    def _predict(self, track: Track, now_s: float) -> FacePrediction:
        confidences = self._recognizer.calibrated(track.probabilities)
        track.label = choose_label(confidences, track.label)
        return FacePrediction(
            track.track_id,
            track.box,
            track.label,
            confidences,
            track.probabilities,
            track.number,
            now_s,
            track.face_gray,
            track.activation_map,
        )
