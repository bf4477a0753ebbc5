"""YuNet: a small network that also detects turned, tilted or partly hidden faces.

Wu, Peng & Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector". Its file is not bundled.
"""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.vision.boxes import Box, suppress_nested
from pipeline.vision.detectors.base import Detector
from pipeline.workspace import workspace

YUNET_VARIABLE = "EMOTION_YUNET"

_SEARCHED_FACE = 20
_MIN_SCORE = 0.8
_SOURCE = (
    "face_detection_yunet_2023mar.onnx of the OpenCV zoo "
    "(github.com/opencv/opencv_zoo, models/face_detection_yunet)"
)


class YuNetDetector(Detector):
    """Finds faces with YuNet, whose ONNX file must exist.

    The image is shrunk until the smallest face has 20 pixels. Boxes are square, as the models
    expect them: as high as the face, around its center.

    Args:
        smallest_face: side of the smallest face to find, in pixels.

    Raises:
        UserError: its file is missing or is not a YuNet model.
    """

    def __init__(self, smallest_face: int = 60) -> None:
        super().__init__(smallest_face)
        path = yunet_path()
        if not path.is_file():
            raise UserError(
                f"The detector 'yunet' needs its model, but there is no file {path}: put {_SOURCE} "
                "there, or name it in EMOTION_YUNET."
            )
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (32, 32), _MIN_SCORE)
            self._net.detect(np.zeros((32, 32, 3), np.uint8))  # another kind of model fails here
        except cv2.error as error:
            raise UserError(
                f"{path} is damaged or not a YuNet model: put {_SOURCE} there, the file itself "
                "and not its Git LFS pointer."
            ) from error

    @classmethod
    def is_available(cls) -> bool:
        """Whether its ONNX file is in the workspace or named in `$EMOTION_YUNET`."""
        return yunet_path().is_file()

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray image, uint8 (h, w), largest first."""
        scale = min(1.0, _SEARCHED_FACE / self.smallest_face)
        if min(gray.shape) * scale < 1:
            return []
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, faces = self._net.detect(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
        # Without a face it returns None, which OpenCV's types do not say.
        return [] if faces is None else suppress_nested([_square(face / scale) for face in faces])


def _square(face: NDArray[np.float32]) -> Box:
    x, y, width, height = map(float, face[:4])
    side = max(width, height)
    left, top = x + (width - side) / 2, y + (height - side) / 2
    return Box(round(left), round(top), round(side), round(side))


def yunet_path() -> Path:
    """Return the absolute path of its ONNX file, which need not exist."""
    path = os.environ.get(YUNET_VARIABLE)
    file = Path(path).expanduser() if path else workspace() / "detectors" / "yunet.onnx"
    return file.absolute()
