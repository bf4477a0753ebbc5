"""Images in arrays of any usual layout and range, as gray uint8 images."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import MAX_PIXELS, ImageError

MIN_SIDE = 16
_COLORS = (1, 3)
_MAX_SHARE = 1.001
_MIN_GRAY = 64


def image_shape(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return height and width of the images in an array of this shape, None if it holds none.

    It may be (n, h, w), (n, h, w, 1 or 3), (n, 1 or 3, h, w), or (n, h·w) of square images.
    """
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        sides = (side, side) if side * side == shape[1] else (0, 0)
    elif len(shape) == 3:
        sides = shape[1:]
    elif len(shape) == 4 and shape[3] in _COLORS:
        sides = shape[1:3]
    elif len(shape) == 4 and shape[1] in _COLORS:
        sides = shape[2:]
    else:
        return None
    return sides if min(sides) >= MIN_SIDE and sides[0] * sides[1] <= MAX_PIXELS else None


def scale_of(low: float, high: float, kind: str) -> int:
    """Return the factor that brings values to 0-255: 1, or 255 for shares of 1.

    Args:
        low: the lowest value of all images.
        high: the highest.
        kind: that of the dtype: "u", "i" or "f".

    Raises:
        ImageError: the values are not clearly 0-255, nor shares from 0 to 1.
    """
    if kind in "ui" and 0 <= low and 1 < high <= 255:  # at most 1: shares cut to whole numbers
        return 1
    if kind == "f" and 0 <= low and high <= _MAX_SHARE:
        return 255
    if kind == "f" and 0 <= low and _MIN_GRAY <= high <= 255:
        return 1
    raise ImageError(
        f"has values from {low:g} to {high:g}: gray levels must be whole numbers from 0 to 255, or "
        "shares from 0 to 1"
    )


def to_gray(images: NDArray[np.generic], scale: int) -> NDArray[np.uint8]:
    """Return images of one of the shapes of `image_shape` as uint8 (n, h, w).

    Args:
        images: gray or RGB, of any number dtype.
        scale: as `scale_of` returns it.
    """
    height, width = image_shape(images.shape) or (0, 0)
    levels = images if images.dtype == np.uint8 else _rounded(images, scale)
    if levels.ndim == 4 and levels.shape[3] not in _COLORS:
        levels = levels.transpose(0, 2, 3, 1)
    if levels.ndim < 4 or levels.shape[3] == 1:
        return np.asarray(levels.reshape(-1, height, width), np.uint8)
    grays = [cv2.cvtColor(np.ascontiguousarray(i), cv2.COLOR_RGB2GRAY) for i in levels]
    return np.asarray(grays, np.uint8).reshape(-1, height, width)


def _rounded(images: NDArray[np.generic], scale: int) -> NDArray[np.uint8]:
    return np.rint(images.astype(np.float32) * scale).clip(0, 255).astype(np.uint8)
