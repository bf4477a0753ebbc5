"""Faces made unrecognisable."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.faces import Box, clip

_CELLS = 6
_MARGIN = 0.3


def hide_faces(frame_bgr: NDArray[np.uint8], boxes: Iterable[Box]) -> None:
    """Blur faces on a picture, uint8 (h, w, 3), with a margin, since faces move on.

    Six by six mean colours are left of a face, from which nobody can be told.
    """
    for box in boxes:
        wide, high = round(_MARGIN * box.width), round(_MARGIN * box.height)
        ample = Box(box.x - wide, box.y - high, box.width + 2 * wide, box.height + 2 * high)
        left, top, right, bottom = clip(ample, *frame_bgr.shape[:2])
        _blur(frame_bgr[top:bottom, left:right])


def hide_all(frame_bgr: NDArray[np.uint8]) -> None:
    """Blur a whole picture, uint8 (h, w, 3), where it is not known where its faces are."""
    _blur(frame_bgr)


def _blur(region_bgr: NDArray[np.uint8]) -> None:
    height, width = region_bgr.shape[:2]
    means = cv2.resize(region_bgr, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    region_bgr[:] = cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)
