"""Ways to look at a made scene: its true boxes with noise and drops, or what the detector finds."""

from collections.abc import Callable

import numpy as np
from scene_pictures import GROUNDS, cut_ground, draw
from scenes import Scene, box_of

from pipeline.vision.boxes import Box, overlap
from pipeline.vision.faces import HaarDetector

FOUND = 0.3  # overlap with the truth from which on a box is of a face
NOISE, DROPS = 0.03, 0.05  # in sides of a face; share of boxes

Sight = Callable[[Scene, float], list[tuple[int, Box]]]  # boxes, each with its face or -1


def noisy_truth(seed: int) -> Sight:
    """Return what gives the true boxes in any order, less some, each a bit aside."""
    rng = np.random.default_rng((seed, 1))
    dropped: set[int] = set()  # never twice in a row: at 5 looks a second that outlasts a track

    def see(scene: Scene, at_s: float) -> list[tuple[int, Box]]:
        nonlocal dropped
        seen = scene.seen(at_s)
        dropped = {face for face in seen if rng.random() < DROPS and face not in dropped}
        found = []
        for face, (x, y, side, _) in seen.items():
            right, down, larger = NOISE * rng.standard_normal(3)
            box = box_of(x + side * (0.5 + right), y + side * (0.5 + down), side * (1 + larger))
            found += [(face, box)] if face not in dropped else []
        return [found[i] for i in rng.permutation(len(found))]

    return see


def by_detector(seed: int) -> Sight:
    """Return what draws a scene on one of the grounds and finds its faces."""
    rng, detector = np.random.default_rng((seed, 2)), HaarDetector()
    ground = cut_ground(GROUNDS[seed % len(GROUNDS)], rng)

    def see(scene: Scene, at_s: float) -> list[tuple[int, Box]]:
        truth = scene.seen(at_s)
        found = []
        for box in detector.detect(draw(scene, at_s, ground, rng)):
            face = max(truth, key=lambda i: overlap(box, truth[i]), default=-1)
            right = face >= 0 and overlap(box, truth[face]) >= FOUND
            found.append((face if right else -1, box))
        return found

    return see
