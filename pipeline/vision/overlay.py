"""What is drawn on a picture: boxes with their label, a problem, a class activation map."""

import textwrap
from math import pow, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.labels import COLOURS
from pipeline.vision.faces import Box

_FONT = cv2.FONT_HERSHEY_DUPLEX
_BLACK = (0, 0, 0)
_WHITE = (255, 255, 255)
_WARNING = (0, 94, 213)
_WARM = (0, 140, 255)
_WARMEST = 0.65


def draw_face(
    frame_bgr: NDArray[np.uint8], box: Box, number: int, emotion: str, probability: float
) -> None:
    """Draw a face's box, and its label on a plate above it, on an 8-bit picture (h, w, 3)."""
    red, green, blue = bytes.fromhex(COLOURS[emotion][1:])
    colour = (blue, green, red)
    unit = _unit(frame_bgr)
    corner = (box.x + box.width, box.y + box.height)
    cv2.rectangle(frame_bgr, (box.x, box.y), corner, colour, round(2 * unit))
    _plate(frame_bgr, f"#{number} {emotion} {probability:.0%}", box.x, box.y, colour)


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
    large = cv2.cvtColor(cv2.resize(face, side, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    speaks = np.maximum(cv2.resize(activation, side, interpolation=cv2.INTER_LINEAR), 0.0)
    most = float(speaks.max()) or 1.0
    opacity = _WARMEST / most * np.asarray(speaks)
    mixed = large + opacity[..., np.newaxis] * (np.array(_WARM) - large.astype(np.float32))
    return np.asarray(mixed.round(), np.uint8)


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
