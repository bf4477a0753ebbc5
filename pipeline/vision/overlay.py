"""What is drawn on a picture: boxes with their label, bars, activation maps, a problem."""

import textwrap
from collections.abc import Sequence
from math import pow, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.faces import Box, clip
from pipeline.vision.label import UNCERTAIN
from pipeline.vision.reader import ShownFace

_FONT = cv2.FONT_HERSHEY_DUPLEX
_BLACK = (0, 0, 0)
_WHITE = (255, 255, 255)
_UNDECIDED = (230, 230, 230)
_WARNING = (0, 94, 213)
_WARM = (0, 140, 255)
_WARMEST = 0.65


def draw_faces(
    frame_bgr: NDArray[np.uint8],
    faces: Sequence[ShownFace],
    *,
    bars: bool = False,
    maps: bool = False,
) -> None:
    """Draw all faces on an 8-bit picture (h, w, 3).

    Args:
        frame_bgr: the picture, which is drawn on.
        faces: whose boxes lie in it.
        bars: draw the seven probabilities beside each, too.
        maps: lay over each what of it speaks for its emotion, where that is known.
    """
    for face in faces:
        if maps and face.activation is not None:
            left, top, right, bottom = clip(face.box, *frame_bgr.shape[:2])
            lay_map(frame_bgr[top:bottom, left:right], face.activation)
    for face in faces:
        draw_face(frame_bgr, face.box, face.number, face.emotion, face.confidence)
        if bars:
            _draw_bars(frame_bgr, face.box, face.probabilities)


def draw_face(
    frame_bgr: NDArray[np.uint8], box: Box, number: int, emotion: str | None, confidence: float
) -> None:
    """Draw a face's box, and its label on a plate above it, on an 8-bit picture (h, w, 3).

    Args:
        frame_bgr: the picture, which is drawn on.
        box: where the face is.
        number: its track, or its place in a table.
        emotion: what it shows; None where none clearly leads.
        confidence: of the emotion, 0-1.
    """
    colour = _colour(emotion) if emotion else _UNDECIDED
    corner = (box.x + box.width, box.y + box.height)
    cv2.rectangle(frame_bgr, (box.x, box.y), corner, colour, round(2 * _unit(frame_bgr)))
    label = f"{emotion} {confidence:.0%}" if emotion else UNCERTAIN
    _plate(frame_bgr, f"#{number} {label}", box.x, box.y, colour)


def _draw_bars(frame_bgr: NDArray[np.uint8], box: Box, probabilities: NDArray[np.float32]) -> None:
    """Draw the seven probabilities on a dark plate right of a box, else left of it."""
    unit = _unit(frame_bgr)
    row, names, width = round(16 * unit), round(58 * unit), round(130 * unit)
    right = box.x + box.width + round(4 * unit)
    left = right if right + width <= frame_bgr.shape[1] else box.x - width - round(4 * unit)
    left = max(0, min(left, frame_bgr.shape[1] - width))
    top = max(0, min(box.y, frame_bgr.shape[0] - row * len(EMOTIONS)))
    plate = frame_bgr[top : top + row * len(EMOTIONS), left : left + width]
    plate //= 3
    for i, (emotion, share) in enumerate(zip(EMOTIONS, probabilities, strict=True)):
        y, begin = top + i * row, left + names
        end = (begin + round((width - names - 4) * float(share)), y + row - 3)
        cv2.rectangle(frame_bgr, (begin, y + 3), end, _colour(emotion), cv2.FILLED)
        origin = (left + 4, y + row - round(5 * unit))
        cv2.putText(frame_bgr, emotion, origin, _FONT, 0.38 * unit, _WHITE, 1, cv2.LINE_AA)


def draw_problem(frame_bgr: NDArray[np.uint8], text: str) -> None:
    """Write a problem along the lower edge of an 8-bit picture (h, w, 3)."""
    per_line = max(10, int(frame_bgr.shape[1] / (12 * _unit(frame_bgr))))
    lines = textwrap.wrap(text.encode("ascii", "replace").decode(), per_line)[:3]
    bottom = frame_bgr.shape[0]
    for line in reversed(lines):
        bottom -= _plate(frame_bgr, line, 0, bottom, _WARNING)


def draw_map(face: NDArray[np.uint8], activation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay over a face what of it speaks for an emotion: the warmer, the more.

    Args:
        face: grey uint8 (48, 48).
        activation: float32 (h, w), the emotion's class activation map.

    Returns:
        BGR uint8 (144, 144, 3).
    """
    side = (3 * face.shape[1], 3 * face.shape[0])
    gray = cv2.resize(face, side, interpolation=cv2.INTER_CUBIC)
    large = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    lay_map(large, activation)
    return large


def lay_map(face_bgr: NDArray[np.uint8], activation: NDArray[np.float32]) -> None:
    """Lay a class activation map, float32 (h, w), over a face of any size, uint8 (h, w, 3)."""
    side = face_bgr.shape[1], face_bgr.shape[0]
    speaks = np.maximum(cv2.resize(activation, side, interpolation=cv2.INTER_LINEAR), 0.0)
    most = float(speaks.max()) or 1.0
    opacity = _WARMEST / most * np.asarray(speaks)[..., np.newaxis]
    mixed = face_bgr + opacity * (np.array(_WARM, np.float32) - face_bgr)
    face_bgr[:] = mixed.round()


def _colour(emotion: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(COLOURS[emotion][1:])
    return blue, green, red


def _unit(frame_bgr: NDArray[np.uint8]) -> float:
    """Return the scale of lines and letters: 1 for 640 pixels, and less than doubled for twice."""
    return max(0.5, sqrt(frame_bgr.shape[1] / 640))


def _plate(
    frame_bgr: NDArray[np.uint8], text: str, x: int, bottom: int, colour: tuple[int, int, int]
) -> int:
    """Write on a filled plate that is moved into the picture; return the plate's height."""
    unit = _unit(frame_bgr)
    thickness = max(1, round(unit))
    (width, height), baseline = cv2.getTextSize(text, _FONT, 0.6 * unit, thickness)
    margin = round(5 * unit)
    width, height = width + 2 * margin, height + baseline + 2 * margin
    left = max(0, min(x, frame_bgr.shape[1] - width))
    top = max(0, min(bottom - height, frame_bgr.shape[0] - height))
    cv2.rectangle(frame_bgr, (left, top), (left + width, top + height), colour, cv2.FILLED)
    origin = (left + margin, top + height - margin - baseline)
    ink = _BLACK if _luminance(colour) > 0.18 else _WHITE
    cv2.putText(frame_bgr, text, origin, _FONT, 0.6 * unit, ink, thickness, cv2.LINE_AA)
    return height


def _luminance(bgr: tuple[int, int, int]) -> float:
    """Return the relative luminance, 0-1; black reads better above 0.18 (WCAG 2)."""
    blue, green, red = (pow(value / 255, 2.2) for value in bgr)
    return 0.0722 * blue + 0.7152 * green + 0.2126 * red
