"""Draw on a BGR image: labeled boxes, probability bars, activation maps, blur, an error text."""

import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import sqrt
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.bar_layout import place_panels
from pipeline.vision.boxes import Box, clip
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_prediction import FacePrediction

Bgr = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_BLACK: Bgr = (0, 0, 0)
_WHITE: Bgr = (255, 255, 255)
_UNCERTAIN_COLOR: Bgr = (230, 230, 230)
_PROBLEM_COLOR: Bgr = (0, 94, 213)
_MAP_COLOR: Bgr = (0, 140, 255)
_MAX_MAP_OPACITY = 0.65
_PANEL_WIDTH, _ROW_HEIGHT = 130, 16
_PANEL_SCALES, _MIN_PANEL_SCALE = (1.0, 0.75, 0.5), 0.75
_BLUR_CELLS = 6
_BLUR_MARGIN = 0.3


class _Text(NamedTuple):
    """A text on a filled rectangle, uint8 (h, w, 3), and where it goes on the image."""

    image: NDArray[np.uint8]
    box: Box


def draw_faces(
    frame_bgr: NDArray[np.uint8],
    faces: Sequence[FacePrediction],
    *,
    bars: bool = False,
    maps: bool = False,
    scale: float = 1.0,
) -> None:
    """Draw the box of each face, with its number, label and confidence above it.

    Args:
        frame_bgr: uint8 (h, w, 3), drawn on in place.
        faces: their boxes may lie partly or wholly outside.
        bars: also draw the seven confidences beside each face; smaller where there is less room,
            and not at all where they would cover others.
        maps: also blend the class activation map over each face that has one.
        scale: of lines and text, beside that of the image.
    """
    for face in faces:
        if maps and face.activation_map is not None:
            left, top, right, bottom = clip(face.box, *frame_bgr.shape[:2])
            _blend_map(frame_bgr[top:bottom, left:right], face.activation_map)
    scale *= _scale(frame_bgr)
    labels = [_label(frame_bgr, face, scale) for face in faces]
    for face in faces:
        box, corner = face.box, (face.box.x + face.box.width, face.box.y + face.box.height)
        color = _color(face.label)
        cv2.rectangle(frame_bgr, (box.x, box.y), corner, color, round(2 * scale))
    if bars:
        smallest, shape = _MIN_PANEL_SCALE * _scale(frame_bgr), frame_bgr.shape[1::-1]
        sizes = [_panel_size(scale * s) for s in _PANEL_SCALES if scale * s >= smallest]
        panels = place_panels([f.box for f in faces], [label.box for label in labels], sizes, shape)
        for face, panel in zip(faces, panels, strict=True):
            if panel is not None:
                _draw_bars(frame_bgr, panel, face.confidences)
    for label in labels:
        _draw_text(frame_bgr, label)


def draw_problem(frame_bgr: NDArray[np.uint8], text: str) -> None:
    """Write a problem along the lower edge of an image, uint8 (h, w, 3), in place."""
    per_line = max(10, int(frame_bgr.shape[1] / (12 * _scale(frame_bgr))))
    lines = textwrap.wrap(text.encode("ascii", "replace").decode(), per_line)[:3]
    bottom = frame_bgr.shape[0]
    for line in reversed(lines):
        placed = _place_text(frame_bgr, line, _PROBLEM_COLOR, 0, bottom, _scale(frame_bgr))
        _draw_text(frame_bgr, placed)
        bottom -= placed.box.height


def draw_activation_map(
    face_gray: NDArray[np.uint8], activation_map: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return a face at three times its size with a class activation map over it, in orange.

    Args:
        face_gray: uint8 (48, 48).
        activation_map: float32 (h, w) of one emotion; negative values are not shown.

    Returns:
        BGR uint8 (144, 144, 3).
    """
    size = (3 * face_gray.shape[1], 3 * face_gray.shape[0])
    large = cv2.resize(face_gray, size, interpolation=cv2.INTER_CUBIC)
    face_bgr = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    _blend_map(face_bgr, activation_map)
    return face_bgr


def blur_faces(frame_bgr: NDArray[np.uint8], boxes: Iterable[Box]) -> None:
    """Blur faces beyond recognition on an image, uint8 (h, w, 3), in place.

    Each face becomes 6 x 6 mean colors. A margin is blurred too, since faces move.
    """
    for box in boxes:
        x, y = round(_BLUR_MARGIN * box.width), round(_BLUR_MARGIN * box.height)
        wide = Box(box.x - x, box.y - y, box.width + 2 * x, box.height + 2 * y)
        left, top, right, bottom = clip(wide, *frame_bgr.shape[:2])
        blur(frame_bgr[top:bottom, left:right])


def blur(image_bgr: NDArray[np.uint8]) -> None:
    """Reduce an image, uint8 (h, w, 3), to 6 x 6 mean colors, in place."""
    height, width = image_bgr.shape[:2]
    means = cv2.resize(image_bgr, (_BLUR_CELLS, _BLUR_CELLS), interpolation=cv2.INTER_AREA)
    cv2.resize(means, (width, height), dst=image_bgr, interpolation=cv2.INTER_LINEAR)


def _label(frame_bgr: NDArray[np.uint8], face: FacePrediction, scale: float) -> _Text:
    number = f"#{face.number} " if face.number else ""
    confidence = "" if face.label == UNCERTAIN else f" {face.confidence:.0%}"
    text = f"{number}{face.label}{confidence}"
    return _place_text(frame_bgr, text, _color(face.label), face.box.x, face.box.y, scale)


def _panel_size(scale: float) -> tuple[int, int]:
    return round(_PANEL_WIDTH * scale), round(_ROW_HEIGHT * scale) * len(EMOTIONS)


def _draw_bars(frame_bgr: NDArray[np.uint8], panel: Box, confidences: NDArray[np.float32]) -> None:
    """Draw the seven confidences on a dark background."""
    left, top, width, height = panel
    scale, row = width / _PANEL_WIDTH, height // len(EMOTIONS)
    names = round(58 * scale)
    background = frame_bgr[top : top + height, left : left + width]
    background //= 3
    for i, (emotion, confidence) in enumerate(zip(EMOTIONS, confidences, strict=True)):
        y, start = top + i * row, left + names
        end = (start + round((width - names - 4) * float(confidence)), y + row - 3)
        cv2.rectangle(frame_bgr, (start, y + 3), end, _color(emotion), cv2.FILLED)
    white = _names(width, height)[: background.shape[0], : background.shape[1]]
    cv2.add(background, cv2.multiply(255 - background, white, scale=1 / 255), dst=background)


@lru_cache(maxsize=8)
def _names(width: int, height: int) -> NDArray[np.uint8]:
    """Return the names of the emotions beside their bars, uint8 (h, w, 3), white on black."""
    names, scale = np.zeros((height, width, 3), np.uint8), width / _PANEL_WIDTH
    row = height // len(EMOTIONS)
    size, thickness = 0.38 * scale, max(1, round(0.7 * scale))
    for i, emotion in enumerate(EMOTIONS, start=1):
        origin = (4, i * row - round(5 * scale))
        cv2.putText(names, emotion, origin, _FONT, size, _WHITE, thickness, cv2.LINE_AA)
    return names


def _blend_map(face_bgr: NDArray[np.uint8], activation_map: NDArray[np.float32]) -> None:
    size = face_bgr.shape[1], face_bgr.shape[0]
    positive = np.maximum(cv2.resize(activation_map, size, interpolation=cv2.INTER_LINEAR), 0.0)
    largest = float(positive.max()) or 1.0
    opacity = _MAX_MAP_OPACITY / largest * np.asarray(positive)
    color = np.full_like(face_bgr, _MAP_COLOR)
    cv2.blendLinear(face_bgr, color, 1 - opacity, opacity, dst=face_bgr)


def _place_text(
    frame_bgr: NDArray[np.uint8], text: str, color: Bgr, x: int, bottom: int, scale: float
) -> _Text:
    """Return a text whose rectangle ends at `bottom`, moved into the image."""
    image = _text_image(text, color, scale)
    height, width = image.shape[:2]
    left = max(0, min(x, frame_bgr.shape[1] - width))
    top = max(0, min(bottom - height, frame_bgr.shape[0] - height))
    return _Text(image, Box(left, top, width, height))


def _draw_text(frame_bgr: NDArray[np.uint8], text: _Text) -> None:
    left, top, width, height = text.box
    region = frame_bgr[top : top + height, left : left + width]
    region[:] = text.image[: region.shape[0], : region.shape[1]]


@lru_cache(maxsize=64)  # text takes longer to draw than all the rest
def _text_image(text: str, color: Bgr, scale: float) -> NDArray[np.uint8]:
    """Return a text on a rectangle of a color, uint8 (h, w, 3)."""
    size, thickness, margin = 0.6 * scale, max(1, round(scale)), round(5 * scale)
    (width, height), baseline = cv2.getTextSize(text, _FONT, size, thickness)
    image = np.full((height + baseline + 2 * margin, width + 2 * margin, 3), color, np.uint8)
    text_color = _BLACK if _luminance(color) > 0.18 else _WHITE
    origin = (margin, margin + height)
    cv2.putText(image, text, origin, _FONT, size, text_color, thickness, cv2.LINE_AA)
    return image


def _color(label: str) -> Bgr:
    if label == UNCERTAIN:
        return _UNCERTAIN_COLOR
    red, green, blue = bytes.fromhex(COLORS[label][1:])
    return blue, green, red


def _scale(frame_bgr: NDArray[np.uint8]) -> float:
    """Return the scale of lines and text: 1 for a width of 640, growing with its square root."""
    return max(0.5, sqrt(frame_bgr.shape[1] / 640))


def _luminance(bgr: Bgr) -> float:
    """Return the relative luminance, 0-1; black text reads better above 0.18 (WCAG 2)."""
    blue, green, red = ((value / 255) ** 2.2 for value in bgr)
    return float(0.0722 * blue + 0.7152 * green + 0.2126 * red)
