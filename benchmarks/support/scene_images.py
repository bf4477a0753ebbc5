"""Images of synthetic scenes: a real head on photographs, with a camera's noise."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from support.scenes import HEIGHT, WIDTH, Scene

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
        size = (WIDTH, HEIGHT)
        alpha = cv2.warpAffine(mask, transform, size, flags=cv2.INTER_AREA)
        image += alpha * (cv2.warpAffine(head, transform, size, flags=cv2.INTER_AREA) - image)
    noisy = image + 3 * rng.standard_normal(image.shape, np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


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
