"""Faces over time: which box belongs to which track, and each track's smoothed probabilities."""

from dataclasses import dataclass, field
from math import dist, exp, inf

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE
from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box, center, iou
from pipeline.vision.confidence import UNCERTAIN

# A box may be this far from where a track is expected, in face widths: the further, the longer
# the track was not detected.
_REACH, _REACH_PER_S, _MAX_REACH_S = 0.5, 4.0, 0.4
_MISSED_COST = 0.25
_MAX_COST = 4.0
_VELOCITY_SMOOTHING_S = 0.15
_VELOCITY_DAMPING_S = 1.0
_MAX_MISSED_S = 0.5
_MIN_HITS = 2
_MIN_LISTED_S = 1.0  # false faces seldom last so long

MAX_UNLISTED_S = _MIN_LISTED_S + _MAX_MISSED_S
"""A track that has no number this long after a detection never gets one."""


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        box: where it was detected last.
        detected_s: when it was detected last.
        hits: frames in which it was detected.
        first_s: when it was detected first.
        track_id: counted from 1 as tracks are confirmed, 0 before; never used again.
        number: counted from 1 as tracks come to last a second, 0 before; for lists of faces.
        velocity: across and down, in pixels a second; smoothed, and damped while not detected.
        recognized_s: when its emotion was recognized last.
        face_gray: uint8 (48, 48), the face crop that was recognized then.
        probabilities: float32 (7,), smoothed over time.
        activation_map: float32 (h, w), the most probable emotion's class activation map, if any.
        label: an emotion, or `uncertain`.
    """

    box: Box
    detected_s: float
    hits: int = 1
    first_s: float = field(init=False)
    track_id: int = 0
    number: int = 0
    velocity: tuple[float, float] = (0.0, 0.0)
    recognized_s: float = -inf
    face_gray: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((SIZE, SIZE), np.uint8))
    probabilities: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(EMOTIONS), np.float32)
    )
    activation_map: NDArray[np.float32] | None = None
    label: str = UNCERTAIN

    def __post_init__(self) -> None:
        self.first_s = self.detected_s

    def update_box(self, box: Box, now_s: float) -> None:
        """Add a detection; after 0.15 s the old velocity counts 37%."""
        elapsed_s = now_s - self.detected_s
        if elapsed_s > 0:
            gain = 1 - exp(-elapsed_s / _VELOCITY_SMOOTHING_S)
            (x, y), (old_x, old_y), (across, down) = center(box), center(self.box), self.velocity
            self.velocity = (
                across + gain * ((x - old_x) / elapsed_s - across),
                down + gain * ((y - old_y) / elapsed_s - down),
            )
        self.box, self.detected_s = box, now_s
        self.hits += 1

    def expected_box(self, now_s: float) -> Box:
        """Return where the face should be by now, at the size of the last detection."""
        seconds = _VELOCITY_DAMPING_S * (1 - exp((self.detected_s - now_s) / _VELOCITY_DAMPING_S))
        across, down = self.velocity
        x, y = self.box.x + round(across * seconds), self.box.y + round(down * seconds)
        return self.box._replace(x=x, y=y)

    def update_probabilities(
        self,
        face_gray: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        now_s: float,
        smoothing_s: float,
    ) -> None:
        """Average in a recognition; after `smoothing_s` seconds the old ones count 37%."""
        self.face_gray = face_gray
        weight = exp((self.recognized_s - now_s) / smoothing_s) if smoothing_s > 0 else 0.0
        average = weight * self.probabilities + (1 - weight) * probabilities
        self.probabilities = np.asarray(average, np.float32)
        self.recognized_s = now_s

    def reset_recognition(self) -> None:
        """Drop probabilities, label and map, which another model's must not be averaged with."""
        self.recognized_s = -inf
        self.label, self.activation_map = UNCERTAIN, None


class Tracker:
    """Matches boxes to tracks by where each track is expected by now, the cheapest pair first.

    The cost of a pair is 1 - IoU plus the distance in face widths; out of reach they are never
    paired. Where two tracks are expected in one place and only one box is there, the track that
    was detected last gets it: the other face is hidden behind it. A track is confirmed by its
    second detection, gets a number when it has lasted a second, and ends half a second after its
    last detection.
    """

    def __init__(self) -> None:
        self._last_id = self._last_number = 0
        self.tracks: list[Track] = []

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box, in order; a box that matches none begins a new one."""
        matched = self._match(boxes, now_s)
        for i, track in matched.items():
            track.update_box(boxes[i], now_s)
            if track.hits == _MIN_HITS:
                self._last_id += 1
                track.track_id = self._last_id
            if not track.number and now_s - track.first_s >= _MIN_LISTED_S:
                self._last_number += 1
                track.number = self._last_number
        # After matching: a face that is back after a pause of the video is still the same one.
        self.tracks = [each for each in self.tracks if now_s - each.detected_s <= _MAX_MISSED_S]
        new = {i: Track(box, now_s) for i, box in enumerate(boxes) if i not in matched}
        self.tracks.extend(new.values())
        return [(matched | new)[i] for i in range(len(boxes))]

    def confirmed(self) -> list[Track]:
        """Return the tracks with enough hits, by their ids."""
        return sorted((t for t in self.tracks if t.track_id), key=lambda track: track.track_id)

    def reset(self) -> None:
        """End all tracks; their ids are not used again."""
        self.tracks.clear()

    def rescale(self, factor: float) -> None:
        """Follow a change of the frame size by a factor; tracks keep their ids."""
        for track in self.tracks:
            track.box = Box(*(round(factor * value) for value in track.box))
            across, down = track.velocity
            track.velocity = factor * across, factor * down

    def _match(self, boxes: list[Box], now_s: float) -> dict[int, Track]:
        latest_s = max((track.detected_s for track in self.tracks), default=0.0)
        pairs = sorted(
            (_cost(box, track, now_s, latest_s), i, k)
            for i, box in enumerate(boxes)
            for k, track in enumerate(self.tracks)
        )
        matched: dict[int, int] = {}
        for cost, i, k in pairs:
            if cost < _MAX_COST and i not in matched and k not in matched.values():
                matched[i] = k
        return {i: self.tracks[k] for i, k in matched.items()}


def _cost(box: Box, track: Track, now_s: float, latest_s: float) -> float:
    expected = track.expected_box(now_s)
    size = (box.width + box.height + expected.width + expected.height) / 4
    distance = dist(center(box), center(expected)) / max(size, 1)
    if distance > _REACH + _REACH_PER_S * min(now_s - track.detected_s, _MAX_REACH_S):
        return _MAX_COST
    return 1 - iou(box, expected) + distance + _MISSED_COST * (track.detected_s < latest_s)
