"""The cascade, and BlazeFace beside it where there is time."""

from time import monotonic

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.boxes import Box, iou, suppress_nested
from pipeline.vision.detectors.base import Detector
from pipeline.vision.detectors.blazeface import BlazeFaceDetector
from pipeline.vision.detectors.haar import HaarDetector

_SAME_FACE = 0.3
_RETRY = 0.95  # the time that BlazeFace is expected to take falls by this with each image without


class AutoDetector(Detector):
    """Finds upright faces with the cascade, and those that it misses with BlazeFace.

    Of a face that both find, the tilted box counts, else the cascade's. Within `budget_s`, from
    the times of the images before, the cascade is alone; without a budget both always run.

    Args:
        smallest_face: side of the smallest face to find, in pixels, 24 or more.

    Raises:
        UserError: BlazeFace's file is missing or damaged.
    """

    def __init__(self, smallest_face: int = 60) -> None:
        super().__init__(smallest_face)
        self._haar, self._blazeface = HaarDetector(smallest_face), BlazeFaceDetector(smallest_face)
        self._blazeface_s = 0.0

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray image, uint8 (h, w), largest first."""
        self._haar.smallest_face = self._blazeface.smallest_face = self.smallest_face
        started = monotonic()
        upright = self._haar.detect(gray)
        found = monotonic()
        if found - started + self._blazeface_s > self.budget_s:
            self._blazeface_s *= _RETRY
            return upright
        others = [
            box
            for box in self._blazeface.detect(gray)
            if box.tilt_deg or not _is_among(box, upright)
        ]
        self._blazeface_s = (self._blazeface_s + monotonic() - found) / 2
        return suppress_nested([box for box in upright if not _is_among(box, others)] + others)

    def fills(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether either sees a face over 60% of an image with space added around it."""
        return self._haar.fills(gray) or self._blazeface.fills(gray)


def _is_among(box: Box, boxes: list[Box]) -> bool:
    return any(iou(box, other) > _SAME_FACE for other in boxes)
