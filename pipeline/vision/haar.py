"""OpenCV's face cascades: quick on any processor, for faces seen from the front.

Viola & Jones 2001, "Rapid object detection using a boosted cascade of simple features".
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.boxes import Box, clip, without_inner

CASCADES = Path(cv2.__file__).parent / "data"
_SMALLEST_SEARCHED = 30
_JUDGED_SIDE = 40


class HaarDetector:
    """Finds faces by one cascade and lets another judge each. For one thread at a time.

    The picture is shrunk until the smallest face has 30 pixels, which the cascade still finds:
    with the default 60 it works on half the size, six times as fast. Two finds that agree, one of
    them with a weight above 0, make a candidate: enough for faces that are hard to see. What is
    none seldom passes the second cascade, which looks at the candidate alone, 1 to 2 ms for each.

    Args:
        smallest: side of the smallest face to find, in pixels, 24 or more.
    """

    def __init__(self, smallest: int = 60) -> None:
        self._finder = _cascade("haarcascade_frontalface_default.xml")
        self._judge = _cascade("haarcascade_frontalface_alt.xml")
        self._smallest = smallest

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in a grey picture, uint8 (h, w), largest first."""
        scale = min(1.0, _SMALLEST_SEARCHED / self._smallest)
        if min(gray.shape) * scale < 1:
            return []
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        side = round(self._smallest * scale)
        found, _, weights = self._finder.detectMultiScale3(
            small, scaleFactor=1.2, minNeighbors=1, minSize=(side, side), outputRejectLevels=True
        )
        sure = (Box(*map(int, box)) for box, w in zip(found, weights, strict=True) if w > 0)
        faces = [box for box in sure if self._judged(small, box)]
        return without_inner([Box(*(round(value / scale) for value in box)) for box in faces])

    def _judged(self, gray: cv2.typing.MatLike, box: Box) -> bool:
        """Tell whether the second cascade finds a face of about the box's size there, thrice."""
        margin = box.width // 4
        wide = Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)
        left, top, right, bottom = clip(wide, *gray.shape[:2])
        scale = _JUDGED_SIDE / box.width
        around = cv2.resize(
            gray[top:bottom, left:right], None, fx=scale, fy=scale,
            interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        )  # fmt: skip
        least, most = (round(_JUDGED_SIDE * share) for share in (0.65, 1.4))
        found = self._judge.detectMultiScale(
            around, scaleFactor=1.1, minNeighbors=2, minSize=(least, least), maxSize=(most, most)
        )
        return len(found) > 0


def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(CASCADES / name))
