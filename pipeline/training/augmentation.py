"""Random augmentation of a face, the same for training and for its preview."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.config.augmentation import Augmentation


def augment(
    face: NDArray[np.uint8], settings: Augmentation, seed: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Return an augmented copy of a face, uint8 (h, w), the same for the same seed.

    In this order: rotation, zoom, shift and flip, which are one affine map whose border repeats
    the edge; contrast about the face's mean and brightness, rounded and clipped to 0-255; and in
    every second face an erased rectangle of random gray levels, uniform over 0-255
    (Zhong et al. 2017, https://arxiv.org/abs/1708.04896).

    Args:
        face: uint8 (h, w).
        settings: the largest amounts; all 0 and without flip, the face is unchanged.
        seed: of the random numbers: in training (run's seed, epoch, face).
    """
    rng = np.random.default_rng(seed)
    angle, zoom, dx, dy = rng.uniform(-1, 1, 4).tolist()
    flipped, erased = (rng.random(2) < 0.5).tolist()
    height, width = face.shape
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), angle * settings.rotation, 1 + zoom * settings.zoom
    )
    matrix[:, 2] += dx * settings.shift * width, dy * settings.shift * height
    if settings.flip and flipped:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width - 1
    changed = cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if settings.brightness or settings.contrast:
        changed = _adjust_light(changed, settings, rng)
    if settings.erasing and erased:
        _erase(changed, settings.erasing, rng)
    return changed.astype(np.uint8, copy=False)


def _adjust_light(
    face: cv2.typing.MatLike, settings: Augmentation, rng: np.random.Generator
) -> cv2.typing.MatLike:
    contrast, brightness = rng.uniform(-1, 1, 2).tolist()
    gain = 1 + contrast * settings.contrast
    offset = float(face.mean()) * (1 - gain) + 255 * brightness * settings.brightness
    return cv2.addWeighted(face, gain, face, 0, offset)  # rounds and clips


def _erase(face: cv2.typing.MatLike, share: float, rng: np.random.Generator) -> None:
    height, width = face.shape
    area = rng.uniform(0.02, max(0.02, share)) * height * width
    ratio = np.exp(rng.uniform(-1, 1))
    h = min(height, max(1, round(np.sqrt(area * ratio))))
    w = min(width, max(1, round(np.sqrt(area / ratio))))
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    face[y : y + h, x : x + w] = rng.integers(0, 256, (h, w))
