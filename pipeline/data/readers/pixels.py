"""Parser of FER-2013's `pixels` column: the gray values of a square image as decimal text."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE

PIXELS = SIZE * SIZE
MIN_SIDE, MAX_SIDE = 16, 1024
_PUNCTUATION = str.maketrans(dict.fromkeys("[](){},;|\n\r\t", " "))
_NUMBERS = re.compile(r"[\s\d.+,;|()\[\]{}-]*")
_VALUES = {str(value): value for value in range(256)}
_ROWS_PER_BLOCK = 16  # whose text fits the L2 cache


class PixelError(ValueError):
    """A row that is not an image; `row` is its index among the rows given."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


def count_pixels(text: str) -> int:
    """Return how many numbers a text is made of, 0 if there is anything else in it."""
    return len(_without_punctuation(text).split()) if _NUMBERS.fullmatch(text) else 0


def side_of(text: str) -> int:
    """Return the side of the square image that a text holds, 48 where it holds none."""
    side = math.isqrt(count_pixels(text))
    is_square = side * side == count_pixels(text) and MIN_SIDE <= side <= MAX_SIDE
    return side if is_square else SIZE


def parse_pixels(rows: Sequence[str], side: int = SIZE) -> NDArray[np.uint8]:
    """Parse n texts of side × side numbers each to images, uint8 (n, side, side).

    The numbers may stand in brackets, with commas or semicolons between them.

    Raises:
        PixelError: a wrong number of values, or a value that is not a number from 0 to 255.
    """
    images = np.empty((len(rows), side * side), np.uint8)
    for first in range(0, len(rows), _ROWS_PER_BLOCK):
        part = rows[first : first + _ROWS_PER_BLOCK]
        values = _parse_regular(part, side * side)
        if values is None:
            part = [_without_punctuation(text) for text in part]
            values = _parse_regular(part, side * side)
        if values is None:
            values = np.stack(
                [_parse_any(text, row, side * side) for row, text in enumerate(part, first)]
            )
        images[first : first + len(part)] = values
    return images.reshape(-1, side, side)


def _without_punctuation(text: str) -> str:
    return " ".join(text.translate(_PUNCTUATION).split())


def _parse_regular(rows: Sequence[str], pixels: int) -> NDArray[np.uint8] | None:
    """Parse rows of plain numbers in one vectorized step; None if a row needs `_parse_any`."""
    if not all(rows):
        return None
    text = np.frombuffer(f"   {' '.join(rows)} ".encode("ascii", "replace"), np.uint8)
    digit = text != ord(" ")
    value = (text - np.uint8(ord("0"))) * digit
    ends = digit[3:-1] & ~digit[4:]
    four_digits = digit[3:-1] & digit[2:-2] & digit[1:-3] & digit[:-4]
    starts = np.cumsum([0] + [len(row) + 1 for row in rows[:-1]])
    counts = np.add.reduceat(ends, starts, dtype=np.int32)
    if (counts != pixels).any() or (value > 9).any() or (ends & four_digits).any():
        return None
    number = value[3:-1].astype(np.uint16)
    number += value[2:-2] * digit[3:-1] * np.uint8(10)
    number += value[1:-3] * digit[2:-2] * np.uint16(100)
    number = number[ends].reshape(-1, pixels)
    return None if (number > 255).any() else number.astype(np.uint8)


def _parse_any(text: str, row: int, pixels: int) -> NDArray[np.uint8]:
    words = text.split()
    if len(words) != pixels:
        raise PixelError(row, f"has {len(words):,} pixels instead of {pixels:,}")
    values = [_VALUES.get(word.lstrip("0") or "0") for word in words]
    if None in values:
        word = words[values.index(None)][:40]
        raise PixelError(row, f"has the pixel {word!r}, which is not a number from 0 to 255")
    return np.array(values, np.uint8)
