"""Whether faces of a video keep their numbers, and go when they are gone.

Run: python benchmarks/tracking.py [CLIPS, 200 if not said]

Claims, on made 640x480 clips with known truth, looked at 15 times a second:
- Numbers stay: of two faces that cross, one hidden for a moment; that pass side by side; that meet
  and part; of one that hurries at 5 looks a second; of one that is not seen for 0.3 s. None ends
  under another number than it began.
- A face that is away for a second is gone within 0.5 s and one look of its last sighting, and
  comes back under a new number.
With true boxes, noise and single drops, and with what the detector finds in drawn pictures.

Named baseline: the greedy joining by greatest overlap of the version before.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Protocol

import cv2
import numpy as np
from scenes import Scene, beside, crossing, hurrying, leaving, meeting
from sights import DROPS, NOISE, Sight, by_detector, noisy_truth

from pipeline.vision.boxes import Box, overlap
from pipeline.vision.track import Track
from pipeline.vision.tracking import Tracker

CLIPS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
DRAWN_CLIPS = 10
LOOKS_PER_S = 15
PATIENCE_S = 0.5

Make = Callable[[np.random.Generator], Scene]

KINDS: dict[str, tuple[Make, int]] = {
    "cross, one hidden": (crossing, LOOKS_PER_S),
    "pass side by side": (beside, LOOKS_PER_S),
    "meet and part": (meeting, LOOKS_PER_S),
    "hurry, 5 looks/s": (hurrying, 5),
    "away for 0.3 s": (leaving(0.3), LOOKS_PER_S),
}


class Joiner(Protocol):
    """A tracker."""

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box."""
        ...


class Greedy:
    """The tracker before: joins the pair with the greatest overlap first."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._last_number = 0

    def update(self, boxes: list[Box], now_s: float) -> list[Track]:
        """Return the track of each box."""
        pairs = [(overlap(box, t.box), i, t) for i, box in enumerate(boxes) for t in self._tracks]
        matched: dict[int, Track] = {}
        for common, i, track in sorted(pairs, key=lambda pair: -pair[0]):
            if common >= 0.2 and i not in matched and track not in matched.values():
                matched[i] = track
                track.box, track.seen_s = boxes[i], now_s
                track.sightings += 1
                if track.sightings == 2:
                    self._last_number += 1
                    track.number = self._last_number
        self._tracks = [t for t in self._tracks if now_s - t.seen_s <= PATIENCE_S]
        fresh = {i: Track(box, now_s) for i, box in enumerate(boxes) if i not in matched}
        self._tracks.extend(fresh.values())
        return [(matched | fresh)[i] for i in range(len(boxes))]


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    cv2.setNumThreads(1)
    print(f"Numbers, true boxes with {NOISE:.0%} noise and {DROPS:.0%} drops, {CLIPS} clips each")
    kept = numbers_stay(KINDS, noisy_truth, CLIPS)
    print(f"Numbers, by the detector, {DRAWN_CLIPS} clips each")
    # Side by side, a drawn head hides the other for longer than a track lasts.
    drawn = {name: kind for name, kind in KINDS.items() if kind[0] is not beside}
    kept += numbers_stay(drawn, by_detector, DRAWN_CLIPS)
    sys.exit(int(not all(kept)))


def numbers_stay(
    kinds: dict[str, tuple[Make, int]], make_sight: Callable[[int], Sight], clips: int
) -> list[bool]:
    """Follow the faces of many clips of each kind; print how many end under another number."""
    kept = [
        same_numbers(name, partial(follow, make, make_sight, rate), clips)
        for name, (make, rate) in kinds.items()
    ]
    return [*kept, goes_and_is_new(make_sight, clips)]


def same_numbers(
    name: str, followed: Callable[[Joiner, int], dict[int, list[int]]], clips: int
) -> bool:
    """Print in how many clips a face ends under another number, ours and greedy."""
    others, looks, changed = {}, 0, 0
    for kind in (Greedy, Tracker):
        histories = [followed(kind(), seed) for seed in range(clips)]
        others[kind] = sum(any(n[-1] != n[0] for n in each.values()) for each in histories)
        numbers = [n for each in histories for n in each.values()]
        looks, changed = sum(map(len, numbers)), sum(m != n[0] for n in numbers for m in n)
    return told(
        f"{name:18} {others[Tracker]} clips with a lasting change, greedy {others[Greedy]}; "
        f"another number in {changed} of {looks} looks",
        others[Tracker] == 0,
        "none lasts",
    )


def follow(
    make: Make, make_sight: Callable[[int], Sight], rate: int, tracker: Joiner, seed: int
) -> dict[int, list[int]]:
    """Return for each face of a clip the numbers under which it was seen, look by look."""
    rng = np.random.default_rng(seed)
    scene, sight = make(rng), make_sight(seed)
    numbers: dict[int, list[int]] = {}
    for at_s in scene.looks(rate, rng):
        faces = sight(scene, at_s)
        tracks = tracker.update([box for _, box in faces], at_s)
        for (face, _), track in zip(faces, tracks, strict=True):
            if face >= 0 and track.number:
                numbers.setdefault(face, []).append(track.number)
    return numbers


def goes_and_is_new(make_sight: Callable[[int], Sight], clips: int) -> bool:
    """Print how long a face that is away for a second still shows, and whether it is new then."""
    longest_s, renewed = 0.0, 0
    for seed in range(clips):
        rng = np.random.default_rng(seed)
        scene, sight, tracker = leaving(1.0)(rng), make_sight(seed), Tracker()
        seen_s = shown_s = 0.0
        numbers = set()
        for at_s in scene.looks(LOOKS_PER_S, rng):
            boxes = [box for face, box in sight(scene, at_s) if face == 0]
            tracker.update(boxes, at_s)
            shown = tracker.shown()
            numbers |= {track.number for track in shown}
            if at_s < scene.away_s[0] and boxes:
                seen_s = at_s
            if at_s < scene.away_s[1] and shown:
                shown_s = at_s
        longest_s, renewed = max(longest_s, shown_s - seen_s), renewed + (numbers == {1, 2})
    return told(
        f"away for 1 s       shown {longest_s:.2f} s longer at most, new number in {renewed}",
        longest_s <= PATIENCE_S + 1 / LOOKS_PER_S and renewed == clips,
        f"at most {PATIENCE_S} s and one look; in all",
    )


def told(figure: str, kept: bool, promise: str) -> bool:
    """Print a figure, what was promised and whether it was kept; return that."""
    print(f"  {figure} (promised: {promise}): {'kept' if kept else 'MISSED'}", flush=True)
    return kept


if __name__ == "__main__":
    main()
