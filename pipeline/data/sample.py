"""Synthetic faces, to try the project without a download.

Each emotion moves brows, eyes and mouth as described by Ekman & Friesen 1978, "Facial Action Coding
System". The faces of the data set are hard to tell apart in the ways of photos: turned heads, side
light, blur, noise, glasses, hands and hair before the face, weak and mixed expressions.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE, Batch
from pipeline.data.images import to_face
from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.labels import EMOTIONS

NAME = "sample"
IMBALANCED = "sample-imbalanced"
NAMES = (NAME, IMBALANCED)
PER_EMOTION = {"train": 140, "validation": 30, "test": 30}
_FER2013 = (3995, 436, 4097, 7215, 4830, 3171, 4965)
"""Training faces of each emotion in FER-2013, whose proportions `IMBALANCED` has."""
_SEED = 2013
_CANVAS = 4 * SIZE


class Expression(NamedTuple):
    """Mean shape of an emotion; lengths are fractions of half the head's width.

    `brow_tilt` above 0 lowers the inner ends, `smile` above 0 lifts the corners of the mouth,
    `mouth_open` is the height of the open mouth, `nose_wrinkle` the strength of its lines.
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


def read(source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
    """Yield the whole sample, the same each time.

    Args:
        source: one of `NAMES`.
        options: of a reader; not used.
        report: of a reader; not used.
    """
    shares = np.array(_FER2013 if str(source) == IMBALANCED else len(EMOTIONS) * (1,))
    for i, (name, count) in enumerate(PER_EMOTION.items()):
        rng = np.random.default_rng((_SEED, i))
        counts = np.round(count * len(EMOTIONS) * shares / shares.sum()).astype(int)
        labels = rng.permutation(np.repeat(np.arange(len(EMOTIONS), dtype=np.uint8), counts))
        yield Batch(
            images=np.stack([draw_face(EMOTIONS[label], rng, hard=True) for label in labels]),
            labels=labels,
            splits=np.full(len(labels), name),
            ids=np.array([f"{name}/{k:04d}" for k in range(len(labels))]),
            progress=(i + 1) / len(PER_EMOTION),
        )


def draw_face(emotion: str, rng: np.random.Generator, *, hard: bool = False) -> NDArray[np.uint8]:
    """Draw one face, uint8 (48, 48).

    Args:
        emotion: one of `EMOTIONS`.
        rng: of all that varies.
        hard: whether it is as hard to recognize as those of the data set, else frontal and clear.
    """
    mean = _weak_or_mixed(emotion, rng) if hard else np.array(EXPRESSIONS[emotion])
    shape = Expression(*(mean + rng.normal(0, 0.018, 7)))
    skin = rng.uniform(105, 215)
    dark = skin * rng.uniform(0.2, 0.45)
    background = rng.uniform(20, 235)
    canvas = np.full((_CANVAS, _CANVAS), background, np.float32)
    half = _CANVAS * rng.uniform(0.36, 0.42)
    center = _CANVAS / 2 + rng.normal(0, 4, 2)
    pen = _Pen(canvas, center, half)
    tall = rng.uniform(1.15, 1.32)

    pen.ellipse((0, -0.12), (1.06, tall * 0.98), dark * 0.8)
    pen.ellipse((0, 0.06), (0.92, tall * 0.94), skin)
    spread = rng.uniform(0.36, 0.44)
    for side in (-1, 1):
        _draw_eye(pen, side * spread, shape, skin, dark)
    _draw_nose(pen, shape, skin * 0.72, rng.uniform(0.28, 0.36))
    _draw_mouth(pen, shape, skin, dark)
    if not hard:
        return _photograph(canvas, rng)
    _cover(pen, skin, dark, rng)
    return _photograph_badly(_turn_head(canvas, rng), rng)


def _weak_or_mixed(emotion: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return an expression with up to 40% of another emotion in it."""
    other = rng.choice(EMOTIONS) if rng.random() < 0.3 else "neutral"
    share = rng.uniform(0, 0.4)
    return (1 - share) * np.array(EXPRESSIONS[emotion]) + share * np.array(EXPRESSIONS[other])


def _cover(pen: "_Pen", skin: float, dark: float, rng: np.random.Generator) -> None:
    """Cover a part of some faces by glasses, a hand before the mouth, or hair before the brows."""
    kind = rng.random()
    if kind < 0.08:
        for side in (-1, 1):
            pen.ellipse((side * 0.4, -0.18), (0.3, 0.26), dark * 0.5, line=rng.uniform(0.04, 0.1))
    elif kind < 0.14:
        pen.ellipse((rng.uniform(-0.6, 0.6), 0.8), (0.35, 0.3), skin * rng.uniform(0.75, 0.95))
    elif kind < 0.2:
        pen.ellipse((rng.uniform(-0.5, 0.5), -0.75), (0.8, rng.uniform(0.3, 0.45)), dark * 0.8)


class _Pen:
    """Draws on a canvas in units of half the head's width, from its center."""

    def __init__(self, canvas: NDArray[np.float32], center: NDArray[np.float64], unit: float):
        self._canvas, self._center, self._unit = canvas, center, unit

    def ellipse(
        self, at: tuple[float, float], radii: tuple[float, float], gray: float, line: float = 0
    ) -> None:
        x, y = (self._center + np.array(at) * self._unit).round().astype(int).tolist()
        w, h = (np.maximum(np.array(radii), 0.01) * self._unit).round().astype(int).tolist()
        thickness = max(1, round(line * self._unit)) if line else cv2.FILLED
        cv2.ellipse(self._canvas, (x, y), (w, h), 0, 0, 360, gray, thickness, cv2.LINE_AA)

    def curve(
        self, xs: NDArray[np.float64], ys: NDArray[np.float64], gray: float, line: float
    ) -> None:
        points = self._center + np.stack([xs, ys], axis=1) * self._unit
        thickness = max(1, round(line * self._unit))
        cv2.polylines(
            self._canvas, [points.round().astype(np.int32)], False, gray, thickness, cv2.LINE_AA
        )


def _draw_eye(pen: _Pen, x: float, shape: Expression, skin: float, dark: float) -> None:
    y = -0.18
    pen.ellipse((x, y), (0.2, shape.eye_open), min(255.0, skin * 1.25))
    pen.ellipse((x, y), (0.2, shape.eye_open), dark, line=0.03)
    pen.ellipse((x, y), (0.085, min(0.085, shape.eye_open)), dark * 0.5)
    along = np.linspace(-1, 1, 12)
    inner = -along * np.sign(x)
    brow = y - shape.brow_height + shape.brow_tilt * (inner + 1) / 2 - 0.05 * (1 - along**2)
    pen.curve(x + 0.25 * along, brow, dark * 0.6, 0.09)


def _draw_nose(pen: _Pen, shape: Expression, gray: float, width: float) -> None:
    along = np.linspace(-1, 1, 9)
    pen.curve(width / 2 * along, 0.3 - 0.05 * along**2, gray, 0.05)
    for step in range(3 if shape.nose_wrinkle > 0.6 else 0):
        pen.curve(0.14 * along, -0.06 + 0.09 * step + 0.05 * along**2, gray, 0.035)


def _draw_mouth(pen: _Pen, shape: Expression, skin: float, dark: float) -> None:
    along = np.linspace(-1, 1, 17)
    y = 0.62 + shape.smile * (0.5 - along**2)
    if shape.mouth_open > 0.06:
        pen.ellipse(
            (0, 0.62 + shape.smile * 0.25), (shape.mouth_width, shape.mouth_open), dark * 0.6
        )
    if shape.mouth_open < shape.mouth_width:  # a round mouth has no line of lips
        pen.curve(shape.mouth_width * along, y, dark, 0.07)
    pen.curve(0.2 * along, 0.9 + 0.03 * along**2, skin * 0.85, 0.03)


def _turn_head(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Turn a head by up to 25° to the side, up or down, seen from near by."""
    yaw, pitch = np.radians(rng.normal(0, (12, 7)).clip(-25, 25))
    ends = np.array([(x, y) for y in (-1, 1) for x in (-1, 1)], np.float32)
    near = 1 + 0.35 * (np.sin(yaw) * ends[:, 0] + np.sin(pitch) * ends[:, 1])
    turned = (ends * (np.cos(yaw), np.cos(pitch)) / near[:, np.newaxis]).astype(np.float32)
    middle = _CANVAS / 2
    warp = cv2.getPerspectiveTransform(middle * (ends + 1), middle * (turned + 1))
    view = cv2.warpPerspective(canvas, warp, canvas.shape, borderMode=cv2.BORDER_REPLICATE)
    return view.astype(np.float32)


def _photograph_badly(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Photograph by side light, out of focus and with noise."""
    across = np.linspace(-1, 1, _CANVAS) * rng.choice((-1, 1))
    shade = 1 - rng.uniform(0, 0.6) / (1 + np.exp(-6 * (across - rng.uniform(-0.5, 0.8))))
    blurred = cv2.GaussianBlur(canvas * shade, (0, 0), rng.uniform(0.5, 4))
    face = _photograph(blurred.astype(np.float32), rng).astype(np.float32)
    noise = rng.normal(0, rng.uniform(0, 9), face.shape)
    return np.clip(face + noise, 0, 255).astype(np.uint8)


def _photograph(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    turn = cv2.getRotationMatrix2D((_CANVAS / 2, _CANVAS / 2), rng.normal(0, 4), 1.0)
    turned = cv2.warpAffine(canvas, turn, (_CANVAS, _CANVAS), borderMode=cv2.BORDER_REPLICATE)
    slope = np.linspace(-1, 1, _CANVAS) * rng.normal(0, 18)
    lit = (turned + slope) * rng.uniform(0.75, 1.1)
    small = to_face(np.clip(lit, 0, 255).astype(np.uint8)).astype(np.float32)
    return np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8)
