"""Rectangles in an image: clipping, face crops, intersection over union, suppression."""

from typing import NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import to_face

_MAX_INSIDE = 0.6  # of a box's area


class Box(NamedTuple):
    """A rectangle in pixels of its image; x and y are the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def tilt_deg(self) -> float:
        """How far its face is turned clockwise in the image; 0 where that is not known."""
        return 0.0


class TiltedBox(Box):
    """A square box around a tilted face, which `crop_face` turns upright.

    Its copies by `_replace` are not tilted.
    """

    _tilt_deg = 0.0

    def __new__(cls, x: int, y: int, width: int, height: int, tilt_deg: float) -> Self:
        """Make a box of a face that is tilted by some degrees, clockwise."""
        box = super().__new__(cls, x, y, width, height)
        box._tilt_deg = tilt_deg
        return box

    @property
    def tilt_deg(self) -> float:
        """How far its face is turned clockwise in the image."""
        return self._tilt_deg


def clip(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box within an image, at least one pixel."""
    left = min(max(box.x, 0), width - 1)
    top = min(max(box.y, 0), height - 1)
    right = min(max(box.x + box.width, left + 1), width)
    bottom = min(max(box.y + box.height, top + 1), height)
    return left, top, right, bottom


def crop_face(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return a face crop, uint8 (48, 48), of a gray image (h, w); the box is clipped to it.

    A tilted face is turned upright; pixels beyond the image repeat its edge.
    """
    if box.tilt_deg:
        return to_face(_turn_upright(gray, box))
    left, top, right, bottom = clip(box, *gray.shape)
    return to_face(np.ascontiguousarray(gray[top:bottom, left:right]))


def _turn_upright(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    x, y = center(box)
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), box.tilt_deg, 1.0)
    turn[:, 2] -= box.x, box.y
    size = max(box.width, 1), max(box.height, 1)
    turned = cv2.warpAffine(gray, turn, size, borderMode=cv2.BORDER_REPLICATE)
    return turned.astype(np.uint8, copy=False)


def center(box: Box) -> tuple[float, float]:
    """Return the center of a box, in pixels."""
    return box.x + box.width / 2, box.y + box.height / 2


def intersection(a: Box, b: Box) -> int:
    """Return the area that two boxes have in common, in pixels."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width * height if width > 0 and height > 0 else 0


def iou(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    common = intersection(a, b)
    return common / (a.width * a.height + b.width * b.height - common) if common else 0.0


def suppress_nested(boxes: list[Box]) -> list[Box]:
    """Return the boxes, largest first, without those of which 60% lie inside a larger one."""
    selected: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.width * box.height):
        limit = _MAX_INSIDE * box.width * box.height
        if all(intersection(box, larger) <= limit for larger in selected):
            selected.append(box)
    return selected
