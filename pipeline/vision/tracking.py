"""Which face is which from one picture to the next."""

from math import dist

from pipeline.vision.boxes import Box, overlap
from pipeline.vision.motion import Motion, middle
from pipeline.vision.track import Track

# How far a face may be from where it is expected, in widths of it: more, the longer it was unseen.
_REACH, _REACH_PER_S, _LONGEST_S = 0.5, 4.0, 0.4
_MISSED_COST = 0.25
_NO_PAIR_COST = 4.0


class Tracker:
    """Joins boxes to tracks by where each track should be by now, the cheapest pair first.

    A pair costs what its overlap lacks and the distance in widths of a face; within reach that is
    less than to pair neither. Where two tracks are expected in one place and one box is there, it
    is the track seen last: the other one is hidden behind it.

    Args:
        patience_s: seconds without a sighting after which a track ends.
        sightings: pictures a face must be found in before it shows.
    """

    def __init__(self, patience_s: float = 0.5, sightings: int = 2) -> None:
        self._patience_s = patience_s
        self._sightings = sightings
        self._motions: list[Motion] = []
        self._last_number = 0

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box, in order; a box that fits none begins a new one."""
        matched = self._match(boxes, now_s)
        for i, motion in matched.items():
            self._sight(motion, boxes[i], now_s)
        # Only now: a face that is back after a pause of the video is still the same one.
        self._motions = [
            each for each in self._motions if now_s - each.track.seen_s <= self._patience_s
        ]
        fresh = {i: Motion(Track(box, now_s)) for i, box in enumerate(boxes) if i not in matched}
        self._motions.extend(fresh.values())
        return [(matched | fresh)[i].track for i in range(len(boxes))]

    def shown(self) -> list[Track]:
        """Return the tracks of faces seen often enough, oldest first."""
        return [track for track in self.tracks if track.number]

    @property
    def tracks(self) -> list[Track]:
        """All tracks, also those that do not show yet."""
        return [motion.track for motion in self._motions]

    def clear(self) -> None:
        """End all tracks; their numbers are not used again."""
        self._motions.clear()

    def _match(self, boxes: list[Box], now_s: float) -> dict[int, Motion]:
        if not boxes or not self._motions:
            return {}
        latest_s = max(motion.track.seen_s for motion in self._motions)
        pairs = sorted(
            (_cost(box, motion, now_s, latest_s), i, k)
            for i, box in enumerate(boxes)
            for k, motion in enumerate(self._motions)
        )
        matched: dict[int, int] = {}
        for cost, i, k in pairs:
            if cost < _NO_PAIR_COST and i not in matched and k not in matched.values():
                matched[i] = k
        return {i: self._motions[k] for i, k in matched.items()}

    def _sight(self, motion: Motion, box: Box, now_s: float) -> None:
        motion.see(box, now_s)
        if motion.track.sightings == self._sightings:
            self._last_number += 1
            motion.track.number = self._last_number


def _cost(box: Box, motion: Motion, now_s: float, latest_s: float) -> float:
    expected, seen_s = motion.expected(now_s), motion.track.seen_s
    size = (box.width + box.height + expected.width + expected.height) / 4
    away = dist(middle(box), middle(expected)) / max(size, 1)
    if away > _REACH + _REACH_PER_S * min(now_s - seen_s, _LONGEST_S):
        return _NO_PAIR_COST
    return 1 - overlap(box, expected) + away + _MISSED_COST * (seen_s < latest_s)
