"""One image of a face as the model saw it, with its label and the confidence of each emotion."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_prediction import FacePrediction

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FACE_SIDE, _MARGIN, _TITLE, _ROW = 240, 20, 50, 34
_NAMES, _BARS, _NUMBERS = 110, 240, 80
_INK, _PAPER = (48, 35, 27), 255


def draw_snapshot(face: FacePrediction) -> NDArray[np.uint8]:
    """Return the image, BGR uint8 (h, w, 3).

    Args:
        face: with its face crop.
    """
    if face.face_gray is None:
        raise ValueError("A snapshot needs the face crop. Received: face_gray=None")
    width = _FACE_SIDE + 4 * _MARGIN + _NAMES + _BARS + _NUMBERS
    image = np.full((_TITLE + _FACE_SIDE + 2 * _MARGIN, width, 3), _PAPER, np.uint8)
    certain = face.label != UNCERTAIN
    title = f"Face {face.number}: {face.label}" + (f" {face.confidence:.1%}" if certain else "")
    _write(image, title, _MARGIN, _MARGIN + 24, 0.9)
    top = _TITLE + _MARGIN
    side = (_FACE_SIDE, _FACE_SIDE)
    large = cv2.resize(face.face_gray, side, interpolation=cv2.INTER_CUBIC)
    image[top : top + _FACE_SIDE, _MARGIN : _MARGIN + _FACE_SIDE] = large[..., np.newaxis]
    left = 2 * _MARGIN + _FACE_SIDE
    for i, (emotion, confidence) in enumerate(zip(EMOTIONS, face.confidences, strict=True)):
        y, start = top + i * _ROW, left + _NAMES
        end = start + max(2, round(_BARS * float(confidence)))
        color = tuple(bytes.fromhex(COLORS[emotion][1:]))[::-1]
        cv2.rectangle(image, (start, y + 6), (end, y + _ROW - 8), color, cv2.FILLED)
        _write(image, emotion, left, y + _ROW - 12, 0.6)
        _write(image, f"{confidence:.1%}", end + 10, y + _ROW - 12, 0.6)
    return image


def _write(image: NDArray[np.uint8], text: str, x: int, y: int, size: float) -> None:
    cv2.putText(image, text, (x, y), _FONT, size, _INK, 1, cv2.LINE_AA)
