"""Where the faces are in a picture, and how each becomes what the models read."""

from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.pictures import to_face

_CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
_SMALLEST_SEARCHED = 30


class Box(NamedTuple):
    """A rectangle in pixels of the picture it lies in; x and y are its left upper corner."""

    x: int
    y: int
    width: int
    height: int


class Detector(Protocol):
    """What photo, video and live need of a face detector; made with the smallest face's side."""

    def __init__(self, smallest: int) -> None: ...

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in a grey picture, uint8 (h, w)."""
        ...


class HaarDetector:
    """OpenCV's frontal face cascade. For one thread at a time: make one for each.

    The picture is shrunk until the smallest face has 30 pixels, which the cascade still finds:
    with the default 60 it works on half the size, six times as fast.
    Viola & Jones 2001, "Rapid object detection using a boosted cascade of simple features".

    Args:
        smallest: side of the smallest face to find, in pixels, 24 or more.
        neighbours: overlapping finds that make a face; fewer find more, also what is none.
    """

    def __init__(self, smallest: int = 60, neighbours: int = 5) -> None:
        self._cascade = cv2.CascadeClassifier(str(_CASCADE))
        self._smallest = smallest
        self._neighbours = neighbours

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in a grey picture, uint8 (h, w), largest first."""
        scale = min(1.0, _SMALLEST_SEARCHED / self._smallest)
        if min(gray.shape) * scale < 1:
            return []
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        side = round(self._smallest * scale)
        found = self._cascade.detectMultiScale(
            small, scaleFactor=1.2, minNeighbors=self._neighbours, minSize=(side, side)
        )
        boxes = [Box(*(round(float(value) / scale) for value in box)) for box in found]
        return sorted(boxes, key=lambda box: -box.width)


DETECTORS: dict[str, type[Detector]] = {"haar": HaarDetector}


def crop_face(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut a face, uint8 (48, 48), out of a grey picture (h, w); the box is clipped to it."""
    height, width = gray.shape
    left = min(max(box.x, 0), width - 1)
    top = min(max(box.y, 0), height - 1)
    right = min(max(box.x + box.width, left + 1), width)
    bottom = min(max(box.y + box.height, top + 1), height)
    return to_face(np.ascontiguousarray(gray[top:bottom, left:right]))
