"""Pictures of made scenes: a real head on real grounds, with a camera's noise."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from scenes import HEIGHT, WIDTH, Scene

GROUNDS = (
    "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "motorcycle_left", "page",
    "rocket",
)  # fmt: skip
_PICTURES = Path(skimage.data.__file__).parent
_MIDDLE, _SIDE = (224, 112), 100  # of the face in the astronaut's picture, as the cascade sees it
_HEAD = (80, 105)  # half its width and height


def draw(
    scene: Scene, at_s: float, ground: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a picture of it, grey uint8 (480, 640), with a camera's noise."""
    picture = ground.astype(np.float32)
    head, mask = _head()
    for x, y, side in (scene.courses[i](at_s) for i in scene.there(at_s)):
        scale = side / _SIDE
        place = np.float32([[scale, 0, x - scale * _HEAD[0]], [0, scale, y - scale * _HEAD[1]]])
        shape = (WIDTH, HEIGHT)
        share = cv2.warpAffine(mask, place, shape, flags=cv2.INTER_AREA)
        picture += share * (cv2.warpAffine(head, place, shape, flags=cv2.INTER_AREA) - picture)
    noisy = picture + 3 * rng.standard_normal(picture.shape, np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def cut_ground(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return some part of one of scikit-image's pictures, grey uint8 (480, 640)."""
    picture = _gray(name)
    most = min(picture.shape[0] / HEIGHT, picture.shape[1] / WIDTH)
    share = rng.uniform(0.5, 1) * most
    height, width = int(share * HEIGHT), int(share * WIDTH)
    y, x = (int(n) for n in rng.integers(0, np.subtract(picture.shape, (height, width)) + 1))
    part = picture[y : y + height, x : x + width]
    return cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


@cache
def _gray(name: str) -> NDArray[np.uint8]:
    picture = cv2.imread(str(next(_PICTURES.glob(f"{name}.*"))), cv2.IMREAD_GRAYSCALE)
    return picture.astype(np.uint8, copy=False)


@cache
def _head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    (x, y), (across, down) = _MIDDLE, _HEAD
    gray = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    head = gray[y - down : y + down, x - across : x + across].astype(np.float32)
    mask = np.zeros(head.shape, np.float32)
    cv2.ellipse(mask, (across, down), (across - 8, down - 8), 0, 0, 360, 1, -1)
    return head, cv2.GaussianBlur(mask, (0, 0), 3).astype(np.float32)
