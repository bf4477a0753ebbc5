"""Drawn faces, so that everything can be tried with no download.

Each emotion moves brows, eyes and mouth as its textbook picture does (Ekman & Friesen 1978,
"Facial Action Coding System"); head, light and amounts vary from face to face.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE, Batch
from pipeline.data.pictures import to_face
from pipeline.labels import EMOTIONS

NAME = "sample"
PER_EMOTION = {"train": 140, "validation": 30, "test": 30}
_SEED = 2013
_CANVAS = 4 * SIZE


class Expression(NamedTuple):
    """How an emotion looks, as means; lengths in parts of the head's half width.

    `brow_tilt` above 0 lowers the inner ends, `smile` above 0 lifts the corners of the mouth,
    `mouth_open` is the height of the open mouth, `nose_wrinkle` the strength of the lines there.
    """

    brow_height: float
    brow_tilt: float
    eye_open: float
    smile: float
    mouth_open: float
    mouth_width: float
    nose_wrinkle: float


EXPRESSIONS = {
    "angry": Expression(0.22, 0.24, 0.12, -0.10, 0.02, 0.36, 0.3),
    "disgust": Expression(0.24, 0.10, 0.09, -0.16, 0.12, 0.30, 1.0),
    "fear": Expression(0.40, -0.18, 0.24, -0.06, 0.16, 0.46, 0.0),
    "happy": Expression(0.33, 0.00, 0.13, 0.30, 0.02, 0.50, 0.0),
    "sad": Expression(0.32, -0.24, 0.11, -0.20, 0.01, 0.36, 0.0),
    "surprise": Expression(0.48, 0.00, 0.25, 0.00, 0.36, 0.26, 0.0),
    "neutral": Expression(0.32, 0.00, 0.16, 0.00, 0.01, 0.38, 0.0),
}


def read(source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
    """Draw the whole sample, the same each time; the arguments are those of every reader."""
    for name, count in PER_EMOTION.items():
        rng = np.random.default_rng((_SEED, list(PER_EMOTION).index(name)))
        labels = rng.permutation(np.repeat(np.arange(len(EMOTIONS), dtype=np.uint8), count))
        yield Batch(
            images=np.stack([draw_face(EMOTIONS[label], rng) for label in labels]),
            labels=labels,
            splits=np.full(len(labels), name),
            ids=np.array([f"{name}/{i:04d}" for i in range(len(labels))]),
            progress=(list(PER_EMOTION).index(name) + 1) / len(PER_EMOTION),
        )


def draw_face(emotion: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one face, uint8 (48, 48)."""
    look = Expression(*(np.array(EXPRESSIONS[emotion]) + rng.normal(0, 0.018, 7)))
    skin = rng.uniform(105, 215)
    dark = skin * rng.uniform(0.2, 0.45)
    background = rng.uniform(20, 235)
    canvas = np.full((_CANVAS, _CANVAS), background, np.float32)
    half = _CANVAS * rng.uniform(0.36, 0.42)
    centre = _CANVAS / 2 + rng.normal(0, 4, 2)
    pen = _Pen(canvas, centre, half)
    tall = rng.uniform(1.15, 1.32)

    pen.ellipse((0, -0.12), (1.06, tall * 0.98), dark * 0.8)
    pen.ellipse((0, 0.06), (0.92, tall * 0.94), skin)
    spread = rng.uniform(0.36, 0.44)
    for side in (-1, 1):
        _draw_eye(pen, side * spread, look, skin, dark)
    _draw_nose(pen, look, skin * 0.72, rng.uniform(0.28, 0.36))
    _draw_mouth(pen, look, skin, dark)
    return _photograph(canvas, rng)


class _Pen:
    """Draws in units of the head's half width, from its centre."""

    def __init__(self, canvas: NDArray[np.float32], centre: NDArray[np.float64], unit: float):
        self._canvas, self._centre, self._unit = canvas, centre, unit

    def ellipse(
        self, at: tuple[float, float], radii: tuple[float, float], gray: float, line: float = 0
    ) -> None:
        x, y = (self._centre + np.array(at) * self._unit).round().astype(int).tolist()
        w, h = (np.maximum(np.array(radii), 0.01) * self._unit).round().astype(int).tolist()
        thickness = max(1, round(line * self._unit)) if line else cv2.FILLED
        cv2.ellipse(self._canvas, (x, y), (w, h), 0, 0, 360, gray, thickness, cv2.LINE_AA)

    def curve(
        self, xs: NDArray[np.float64], ys: NDArray[np.float64], gray: float, line: float
    ) -> None:
        points = self._centre + np.stack([xs, ys], axis=1) * self._unit
        thickness = max(1, round(line * self._unit))
        cv2.polylines(
            self._canvas, [points.round().astype(np.int32)], False, gray, thickness, cv2.LINE_AA
        )


def _draw_eye(pen: _Pen, x: float, look: Expression, skin: float, dark: float) -> None:
    y = -0.18
    pen.ellipse((x, y), (0.2, look.eye_open), min(255.0, skin * 1.25))
    pen.ellipse((x, y), (0.2, look.eye_open), dark, line=0.03)
    pen.ellipse((x, y), (0.085, min(0.085, look.eye_open)), dark * 0.5)
    along = np.linspace(-1, 1, 12)
    inner = -along * np.sign(x)
    brow = y - look.brow_height + look.brow_tilt * (inner + 1) / 2 - 0.05 * (1 - along**2)
    pen.curve(x + 0.25 * along, brow, dark * 0.6, 0.09)


def _draw_nose(pen: _Pen, look: Expression, gray: float, width: float) -> None:
    along = np.linspace(-1, 1, 9)
    pen.curve(width / 2 * along, 0.3 - 0.05 * along**2, gray, 0.05)
    for step in range(3 if look.nose_wrinkle > 0.6 else 0):
        pen.curve(0.14 * along, -0.06 + 0.09 * step + 0.05 * along**2, gray, 0.035)


def _draw_mouth(pen: _Pen, look: Expression, skin: float, dark: float) -> None:
    along = np.linspace(-1, 1, 17)
    y = 0.62 + look.smile * (0.5 - along**2)
    if look.mouth_open > 0.06:
        pen.ellipse((0, 0.62 + look.smile * 0.25), (look.mouth_width, look.mouth_open), dark * 0.6)
    if look.mouth_open < look.mouth_width:  # else round, and its lips are its rim
        pen.curve(look.mouth_width * along, y, dark, 0.07)
    pen.curve(0.2 * along, 0.9 + 0.03 * along**2, skin * 0.85, 0.03)


def _photograph(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    turn = cv2.getRotationMatrix2D((_CANVAS / 2, _CANVAS / 2), rng.normal(0, 4), 1.0)
    turned = cv2.warpAffine(canvas, turn, (_CANVAS, _CANVAS), borderMode=cv2.BORDER_REPLICATE)
    slope = np.linspace(-1, 1, _CANVAS) * rng.normal(0, 18)
    lit = (turned + slope) * rng.uniform(0.75, 1.1)
    small = to_face(np.clip(lit, 0, 255).astype(np.uint8)).astype(np.float32)
    return np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8)
