"""Decoding of image files, and resizing to 48x48 gray faces."""

import os
import re
import threading
import zlib
from contextlib import nullcontext
from io import BytesIO

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.data.dataset import SIZE

SUFFIXES = frozenset(
    ".avif .bmp .dib .gif .hdr .heic .heif .hif .j2k .jfif .jif .jp2 .jpe .jpeg .jpg .pam .pbm "
    ".pfm .pgm .pic .png .pnm .ppm .ras .sr .tif .tiff .webp".split()
)
"""Endings of image files that are read, in lower case."""

MAX_PIXELS = int(os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"])
MAX_BYTES = 64 * 1024**2

_LARGE_PIXELS = 25_000_000
_DECODING_LARGE = threading.Lock()  # one takes up to a gigabyte; many viewers may upload one
_PNG, _JPEG_END = b"\x89PNG\r\n\x1a\n", b"\xff\xd9"
_HDR = re.compile(rb"#\?.{0,4096}?\n[-+]Y (\d{1,9}) [-+]X (\d{1,9})\n", re.DOTALL)
_FORMATS = "AVIF BMP DIB GIF HEIF JPEG JPEG2000 PNG PPM SUN TIFF WEBP".split()

# Callers report what does not decode.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
Image.init()
pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None  # only headers are opened, to check them against MAX_PIXELS


class ImageError(Exception):
    """A file that cannot be used as an image; the message, after the file's name, says why."""


def decode_gray(content: bytes) -> NDArray[np.uint8]:
    """Decode an image file to gray uint8 (h, w), upright by its EXIF.

    Images of other dtypes are scaled to 0-255: integers from their full range, float from 0-1.
    What an incomplete JPEG lacks is gray.

    Raises:
        ImageError: it is no image, or has more than `MAX_PIXELS`.
    """
    return _decode(content, cv2.IMREAD_GRAYSCALE)


def decode_color(content: bytes) -> NDArray[np.uint8]:
    """Decode an image file to BGR uint8 (h, w, 3), as `decode_gray` does."""
    return _decode(content, cv2.IMREAD_COLOR)


def _decode(content: bytes, channels: int) -> NDArray[np.uint8]:
    kind, width, height = _read_header(content)
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"has {width:,} x {height:,} pixels, more than the {MAX_PIXELS // 10**6} megapixels "
            "that are read: shrink it"
        )
    with _DECODING_LARGE if width * height > _LARGE_PIXELS else nullcontext():
        image = _decode_as(kind, content, channels)
        if image is None:
            raise ImageError(
                f"is {'' if content else 'empty and '}not an image that can be decoded"
            )
        return _to_8_bit(image)


def _decode_as(kind: str | None, content: bytes, channels: int) -> NDArray[np.generic] | None:
    image = None
    if kind in ("AVIF", "HEIF"):
        image = _decode_pillow(content, channels)
    elif not content.startswith(_PNG) or _is_whole_png(content):
        image = _decode_opencv(content, channels)
    if image is None and kind in ("JPEG", "MPO"):
        image = _decode_incomplete_jpeg(content, channels)
    return image


def _read_header(content: bytes) -> tuple[str | None, int, int]:
    """Return format, width and height of an image; None and zeros if the header tells nothing."""
    if hdr := _HDR.match(content):
        return "HDR", int(hdr[2]), int(hdr[1])
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            return image.format, *image.size
    except Exception:  # broken headers raise errors of many kinds; the decoder decides
        return None, 0, 0


def _decode_opencv(content: bytes, channels: int) -> NDArray[np.generic] | None:
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), channels | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image)


def _decode_pillow(content: bytes, channels: int) -> NDArray[np.generic] | None:
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:  # as in _read_header
        return None
    gray = channels == cv2.IMREAD_GRAYSCALE
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY if gray else cv2.COLOR_RGB2BGR))


def _decode_incomplete_jpeg(content: bytes, channels: int) -> NDArray[np.generic] | None:
    """Decode what there is of a JPEG; None if that is nothing."""
    image = _decode_pillow(content + _JPEG_END, channels)
    return None if image is None or image.min() == image.max() else image


def to_face(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize a gray image (h, w) to uint8 (48, 48) by area interpolation."""
    if gray.shape == (SIZE, SIZE):
        return gray
    return cv2.resize(gray, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _to_8_bit(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    kind = image.dtype
    full = float(np.iinfo(kind.name).max) if kind.kind in "ui" else 1.0
    result = np.empty(image.shape, np.uint8)
    for row, values in zip(result, image, strict=True):  # a large image as float takes gigabytes
        share = np.nan_to_num(values.astype(np.float32) / np.float32(full))
        row[:] = np.rint(share.clip(0, 1) * 255)
    return result


def _is_whole_png(content: bytes) -> bool:
    """Check the CRC of every chunk, because libpng prints errors past OpenCV's log level."""
    start = len(_PNG)
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4])
        if zlib.crc32(content[start + 4 : end - 4]).to_bytes(4) != content[end - 4 : end]:
            return False
        if content[start + 4 : start + 8] == b"IEND":
            return True
        start = end
    return False
