"""Encoded pictures of any kind, and how any of them becomes a 48x48 grey face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE

SUFFIXES = frozenset(
    ".avif .bmp .dib .exr .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png .pnm .ppm .ras .sr "
    ".tif .tiff .webp".split()
)


def decode_gray(content: bytes) -> NDArray[np.uint8] | None:
    """Decode a picture file to grey uint8 (h, w), turned upright by its EXIF; None if it is none.

    Deeper pictures are scaled to 0-255: 16 bit from their full range, float from 0-1.
    """
    try:
        picture = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
        )
    except cv2.error:
        return None
    if picture is None:
        return None
    if picture.dtype == np.uint8:
        return picture.astype(np.uint8, copy=False)
    full = np.iinfo(picture.dtype).max if picture.dtype.kind in "ui" else 1.0
    return np.rint(np.clip(picture / full, 0, 1) * 255).astype(np.uint8)


def to_face(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize a grey picture (h, w) to the models' uint8 (48, 48) by area interpolation."""
    if gray.shape == (SIZE, SIZE):
        return gray
    return cv2.resize(gray, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
