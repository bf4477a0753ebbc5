"""Which face is which from one picture to the next."""

from math import dist

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.vision.boxes import Box, overlap
from pipeline.vision.motion import Motion, middle
from pipeline.vision.track import Track

_REACH = 0.5
_REACH_PER_S = 4.0
_LONGEST_REACH_S = 0.2
_UNSEEN_COST_PER_S = 1.0


class Tracker:
    """Joins boxes to tracks by where each track should be by now, all pairs at once.

    A pair costs what is missing from full overlap, and the distance in widths of a face. Beyond a
    reach, which grows with the time between two pictures, it is no pair. Where two tracks are
    expected at one place, the one seen last is the likelier one: the other is hidden behind it.

    Args:
        patience_s: seconds without a sighting after which a track ends.
        sightings: pictures a face must be found in before it shows.
    """

    def __init__(self, patience_s: float = 0.5, sightings: int = 2) -> None:
        self._patience_s = patience_s
        self._sightings = sightings
        self._motions: dict[Track, Motion] = {}
        self._last_number = 0

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box, in order; a box that fits none begins a new one."""
        matched = self._match(boxes, now_s)
        for i, track in matched.items():
            self._sight(track, boxes[i], now_s)
        # Only now: a face that is back after a pause of the video is still the same one.
        self._motions = {
            track: motion
            for track, motion in self._motions.items()
            if motion.unseen_s(now_s) <= self._patience_s
        }
        fresh = {i: Track(box, now_s) for i, box in enumerate(boxes) if i not in matched}
        self._motions |= {track: Motion(track.box, now_s) for track in fresh.values()}
        return [(matched | fresh)[i] for i in range(len(boxes))]

    def shown(self) -> list[Track]:
        """Return the tracks of faces seen often enough, oldest first."""
        return [track for track in self._motions if track.number]

    def _match(self, boxes: list[Box], now_s: float) -> dict[int, Track]:
        if not boxes or not self._motions:
            return {}
        pairs = [[_cost(box, motion, now_s) for motion in self._motions.values()] for box in boxes]
        costs = np.array(pairs)
        tracks = list(self._motions)
        chosen = zip(*linear_sum_assignment(costs), strict=True)
        return {int(i): tracks[k] for i, k in chosen if costs[i, k] < _NO_PAIR}

    def _sight(self, track: Track, box: Box, now_s: float) -> None:
        self._motions[track].see(box, now_s)
        track.box, track.seen_s = box, now_s
        track.sightings += 1
        if track.sightings == self._sightings:
            self._last_number += 1
            track.number = self._last_number


_NO_PAIR = 2.5


def _cost(box: Box, motion: Motion, now_s: float) -> float:
    expected, unseen_s = motion.expected(now_s), motion.unseen_s(now_s)
    size = (box.width + box.height + expected.width + expected.height) / 4
    away = dist(middle(box), middle(expected)) / size
    if away > _REACH + _REACH_PER_S * min(unseen_s, _LONGEST_REACH_S):
        return _NO_PAIR
    return 1 - overlap(box, expected) + away + _UNSEEN_COST_PER_S * min(unseen_s, 0.5)
