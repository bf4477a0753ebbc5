"""Detections of a scene's faces: true boxes with noise and drops, or the face detector's."""

from collections.abc import Callable

import numpy as np
from support.scene_images import BACKGROUNDS, crop_background, draw
from support.scenes import Scene, box_of

from pipeline.vision.boxes import Box, iou
from pipeline.vision.detectors.haar import HaarDetector

MIN_IOU = 0.3  # with the truth, for a box to be of a face
NOISE, DROPS = 0.03, 0.05  # in face widths; share of boxes

Detect = Callable[[Scene, float], list[tuple[int, Box]]]  # boxes, each with its face's index or -1


def noisy_truth(seed: int) -> Detect:
    """Return a function that gives the true boxes in random order, with noise and drops."""
    rng = np.random.default_rng((seed, 1))
    dropped: set[int] = set()  # never twice in a row: at 5 frames/s that outlasts a track

    def detect(scene: Scene, time_s: float) -> list[tuple[int, Box]]:
        nonlocal dropped
        visible = scene.visible(time_s)
        dropped = {face for face in visible if rng.random() < DROPS and face not in dropped}
        found = []
        for face, (x, y, side, _) in visible.items():
            right, down, larger = NOISE * rng.standard_normal(3)
            box = box_of(x + side * (0.5 + right), y + side * (0.5 + down), side * (1 + larger))
            found += [(face, box)] if face not in dropped else []
        return [found[i] for i in rng.permutation(len(found))]

    return detect


def by_detector(seed: int) -> Detect:
    """Return a function that draws a scene on a photograph and detects its faces."""
    rng, detector = np.random.default_rng((seed, 2)), HaarDetector()
    background = crop_background(BACKGROUNDS[seed % len(BACKGROUNDS)], rng)

    def detect(scene: Scene, time_s: float) -> list[tuple[int, Box]]:
        truth = scene.visible(time_s)
        found = []
        for box in detector.detect(draw(scene, time_s, background, rng)):
            face = max(truth, key=lambda i: iou(box, truth[i]), default=-1)
            is_face = face >= 0 and iou(box, truth[face]) >= MIN_IOU
            found.append((face if is_face else -1, box))
        return found

    return detect
