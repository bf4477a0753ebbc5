"""Encoded pictures of any kind, and how any of them becomes a 48x48 grey face."""

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE

SUFFIXES = frozenset(
    ".avif .bmp .dib .gif .hdr .jp2 .jpe .jpeg .jpg .pbm .pgm .pic .png .pnm .ppm .ras .sr "
    ".tif .tiff .webp".split()
)
_PNG = b"\x89PNG\r\n\x1a\n"

# A picture that does not decode is told of by who asked for it.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode_gray(content: bytes) -> NDArray[np.uint8] | None:
    """Decode a picture file to grey uint8 (h, w), turned upright by its EXIF; None if it is none.

    Deeper pictures are scaled to 0-255: integers from their full range, float from 0-1.
    """
    return _decode(content, cv2.IMREAD_GRAYSCALE)


def decode_colour(content: bytes) -> NDArray[np.uint8] | None:
    """Decode a picture file to BGR uint8 (h, w, 3), as `decode_gray` does."""
    return _decode(content, cv2.IMREAD_COLOR)


def _decode(content: bytes, channels: int) -> NDArray[np.uint8] | None:
    if content.startswith(_PNG) and not _is_whole_png(content):
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), channels | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return None
    return None if picture is None else _to_8_bit(np.asarray(picture))


def to_face(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize a grey picture (h, w) to the models' uint8 (48, 48) by area interpolation."""
    if gray.shape == (SIZE, SIZE):
        return gray
    return cv2.resize(gray, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _to_8_bit(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture.astype(np.uint8, copy=False)
    kind = picture.dtype
    full = float(np.iinfo(kind.name).max) if kind.kind in "ui" else 1.0
    share = np.nan_to_num(picture.astype(np.float32) / np.float32(full))
    return np.asarray(np.rint(share.clip(0, 1) * 255), np.uint8)


def _is_whole_png(content: bytes) -> bool:
    """Check the sums of all chunks up to the last, as libpng reports faults past OpenCV's log."""
    start = len(_PNG)
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4])
        if zlib.crc32(content[start + 4 : end - 4]).to_bytes(4) != content[end - 4 : end]:
            return False
        if content[start + 4 : start + 8] == b"IEND":
            return True
        start = end
    return False
