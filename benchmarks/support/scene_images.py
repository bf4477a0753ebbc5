"""Images of synthetic scenes: a real head on photographs, with a camera's noise."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from support.scenes import HEIGHT, WIDTH, Scene, box_of

from pipeline.vision.boxes import Box

BACKGROUNDS = (
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "motorcycle_left",
    "page",
    "rocket",
)
_PHOTOGRAPHS = Path(skimage.data.__file__).parent
_FACE_CENTER, _FACE_SIDE = (224, 112), 100  # in the astronaut's photograph, as the cascade finds it
_HEAD = (80, 105)  # half its width and height


def draw(
    scene: Scene, time_s: float, background: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return an image of a scene, gray uint8 (480, 640), with a camera's noise."""
    image = background.astype(np.float32)
    head, mask = _head()
    for x, y, side in (scene.motions[i](time_s) for i in scene.present(time_s)):
        scale = side / _FACE_SIDE
        transform = np.float32([[scale, 0, x - scale * _HEAD[0]], [0, scale, y - scale * _HEAD[1]]])
        _blend(image, head, mask, transform)
    return _with_noise(image, rng)


def still(
    changes: dict[str, tuple[float, float]] | None, background: str, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Box | None]:
    """Return an image of one changed face, gray uint8 (480, 640), and its box.

    Args:
        changes: ranges of `side` in pixels, of `tilt_deg` and `turn_deg`, to either side, and of
            `covered`, the share of the face's height below an opaque bar; None for no face.
        background: one of `BACKGROUNDS`.
        rng: draws all that.
    """
    image = crop_background(background, rng).astype(np.float32)
    box = None
    if changes is not None:
        given = {name: rng.uniform(*limits) for name, limits in changes.items()}
        side = given.get("side", rng.uniform(60, 150))
        tilt_deg, turn_deg = (
            rng.choice((-1, 1)) * given.get(name, 0.0) for name in ("tilt_deg", "turn_deg")
        )
        x, y = (rng.uniform(0.8 * side, n - 0.8 * side) for n in (WIDTH, HEIGHT))
        head, mask = _turned_head(turn_deg)
        if covered := given.get("covered"):
            head[round(_HEAD[1] + (0.5 - covered) * _FACE_SIDE) :] = 60
        transform = cv2.getRotationMatrix2D(_HEAD, -tilt_deg, side / _FACE_SIDE)
        transform[:, 2] += x - _HEAD[0], y - _HEAD[1]
        _blend(image, head, mask, transform)
        # What is seen of a turned face is centered beside the head's center.
        box = box_of(x + 0.55 * side * np.sin(np.deg2rad(turn_deg)), y, side)
    return _with_noise(image, rng), box


def paste(
    face: NDArray[np.uint8],
    background: NDArray[np.uint8],
    tilt_deg: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], Box]:
    """Return a tilted face crop (48, 48) with a soft oval edge before a background, and its box."""
    side = rng.uniform(90, 200)
    x, y = (rng.uniform(0.75 * side, n - 0.75 * side) for n in (WIDTH, HEIGHT))
    n = len(face)
    oval = cv2.ellipse(
        np.zeros(face.shape, np.float32), (n // 2, n // 2), (22, 23), 0, 0, 360, 1, -1
    )
    transform = cv2.getRotationMatrix2D((n / 2 - 0.5, n / 2 - 0.5), -tilt_deg, side / n)
    transform[:, 2] += x - n / 2, y - n / 2
    image = background.astype(np.float32)
    _blend(image, face.astype(np.float32), cv2.GaussianBlur(oval, (0, 0), 1.5), transform)
    return _with_noise(image, rng), box_of(x, y, side)


def _blend(
    image: NDArray[np.float32],
    face: NDArray[np.float32],
    mask: NDArray[np.float32],
    transform: NDArray[np.float64],
) -> None:
    """Draw a transformed face on an image, as far as its mask says."""
    size = (WIDTH, HEIGHT)
    alpha = cv2.warpAffine(mask, transform, size)
    drawn = cv2.warpAffine(face, transform, size, borderMode=cv2.BORDER_REFLECT)
    image += alpha * (drawn - image)


def _with_noise(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return an image with a camera's noise."""
    noisy = image + 3 * rng.standard_normal(image.shape, np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _turned_head(turn_deg: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the head and its mask, as if its image lay on an ellipsoid turned about its height."""
    head, mask = _head()
    if not turn_deg:
        return head.copy(), mask
    across, down = _HEAD
    rows, columns = np.mgrid[: head.shape[0], : head.shape[1]].astype(np.float32)
    width = across * np.sqrt(np.clip(1 - ((rows - down) / down) ** 2, 1e-6, 1))
    angle = np.arcsin(np.clip((columns - across) / width, -1, 1)) - np.deg2rad(turn_deg)
    seen = np.abs(angle) < np.pi / 2
    source = (across + width * np.sin(angle)).astype(np.float32)
    turned, alpha = (cv2.remap(image, source, rows, cv2.INTER_LINEAR) for image in (head, mask))
    return turned, np.where(seen, np.maximum(alpha, 0) * (mask > 0), 0).astype(np.float32)


def crop_background(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random part of one of scikit-image's photographs, gray uint8 (480, 640)."""
    photograph = _gray(name)
    largest = min(photograph.shape[0] / HEIGHT, photograph.shape[1] / WIDTH)
    scale = rng.uniform(0.5, 1) * largest
    height, width = int(scale * HEIGHT), int(scale * WIDTH)
    y, x = (int(n) for n in rng.integers(0, np.subtract(photograph.shape, (height, width)) + 1))
    part = photograph[y : y + height, x : x + width]
    return cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


@cache
def _gray(name: str) -> NDArray[np.uint8]:
    photograph = cv2.imread(str(next(_PHOTOGRAPHS.glob(f"{name}.*"))), cv2.IMREAD_GRAYSCALE)
    return photograph.astype(np.uint8, copy=False)


@cache
def _head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the head and its soft mask, 0 to 1."""
    (x, y), (across, down) = _FACE_CENTER, _HEAD
    gray = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    head = gray[y - down : y + down, x - across : x + across].astype(np.float32)
    mask = np.zeros(head.shape, np.float32)
    cv2.ellipse(mask, (across, down), (across - 8, down - 8), 0, 0, 360, 1, -1)
    return head, cv2.GaussianBlur(mask, (0, 0), 3).astype(np.float32)
