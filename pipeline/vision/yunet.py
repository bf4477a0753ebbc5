"""YuNet, a small network that also finds faces that are turned, tilted or partly hidden.

Wu, Peng & Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector". Its file is not shipped.
"""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.vision.boxes import Box, without_inner
from pipeline.workspace import workspace

_SMALLEST_SEARCHED = 20
_LEAST_SCORE = 0.8
_SOURCE = (
    "face_detection_yunet_2023mar.onnx of the OpenCV zoo "
    "(github.com/opencv/opencv_zoo, models/face_detection_yunet)"
)


def yunet_file() -> Path:
    """Return where YuNet's ONNX file is looked for: `$EMOTION_YUNET`, or in the workspace."""
    named = os.environ.get("EMOTION_YUNET")
    return Path(named).expanduser() if named else workspace() / "detectors" / "yunet.onnx"


class YuNetDetector:
    """Finds faces by YuNet where its file is given. For one thread at a time: make one for each.

    The picture is shrunk until the smallest face has 20 pixels. Boxes are square, as the models
    want them: as high as the face, around its middle.

    Args:
        smallest: side of the smallest face to find, in pixels.

    Raises:
        UserError: its file is missing or is no YuNet model.
    """

    def __init__(self, smallest: int = 60) -> None:
        path = yunet_file()
        if not path.is_file():
            raise UserError(
                f"The detector 'yunet' needs its model, but {path} is no file: put {_SOURCE} "
                "there, or name it in EMOTION_YUNET."
            )
        self._scale = min(1.0, _SMALLEST_SEARCHED / smallest)
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (32, 32), _LEAST_SCORE)
            self._net.detect(np.zeros((32, 32, 3), np.uint8))  # another kind of model fails here
        except cv2.error as error:
            raise UserError(
                f"{path} is damaged or no YuNet model: put {_SOURCE} there, the file itself and "
                "not its Git LFS pointer."
            ) from error

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in a grey picture, uint8 (h, w), largest first."""
        if min(gray.shape) * self._scale < 1:
            return []
        small = cv2.resize(gray, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, faces = self._net.detect(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
        # Without a face it gives None, which OpenCV's types do not say.
        return [] if faces is None else without_inner([self._square(face) for face in faces])

    def _square(self, face: NDArray[np.float32]) -> Box:
        x, y, width, height = (float(value) / self._scale for value in face[:4])
        side = max(width, height)
        left, top = x + (width - side) / 2, y + (height - side) / 2
        return Box(round(left), round(top), round(side), round(side))
