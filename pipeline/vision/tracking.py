"""Which face is which from one picture to the next."""

from pipeline.vision.faces import Box
from pipeline.vision.track import Track

_LEAST_OVERLAP = 0.2


def overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.width * a.height + b.width * b.height - shared)


class Tracker:
    """Joins boxes to tracks, the greatest overlap first.

    Args:
        patience_s: seconds without a sighting after which a track ends.
        sightings: pictures a face must be found in before it shows.
    """

    def __init__(self, patience_s: float = 0.5, sightings: int = 2) -> None:
        self._patience_s = patience_s
        self._sightings = sightings
        self._tracks: list[Track] = []
        self._last_number = 0

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box, in order; a box that fits none begins a new one."""
        pairs = [
            (overlap(box, track.box), i, track)
            for i, box in enumerate(boxes)
            for track in self._tracks
        ]
        matched: dict[int, Track] = {}
        for shared, i, track in sorted(pairs, key=lambda pair: -pair[0]):
            if shared >= _LEAST_OVERLAP and i not in matched and track not in matched.values():
                matched[i] = track
                self._sight(track, boxes[i], now_s)
        # Only now: a face that is back after a pause of the video is still the same one.
        self._tracks = [t for t in self._tracks if now_s - t.seen_s <= self._patience_s]
        fresh = {i: Track(box, now_s) for i, box in enumerate(boxes) if i not in matched}
        self._tracks.extend(fresh.values())
        return [(matched | fresh)[i] for i in range(len(boxes))]

    def shown(self) -> list[Track]:
        """Return the tracks of faces seen often enough, oldest first."""
        return [track for track in self._tracks if track.number]

    def _sight(self, track: Track, box: Box, now_s: float) -> None:
        track.box, track.seen_s = box, now_s
        track.sightings += 1
        if track.sightings == self._sightings:
            self._last_number += 1
            track.number = self._last_number
