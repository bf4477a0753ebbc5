"""The `pixels` column of FER-2013: 2,304 grey values as decimal text, to arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE

PIXELS = SIZE * SIZE
_VALUES = {str(value): value for value in range(256)}
_ROWS_AT_ONCE = 16  # their text stays in the processor's second cache


class PixelError(ValueError):
    """A row that is no picture; `row` counts from 0 in the rows given, the text says why."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


def parse_pixels(rows: Sequence[str]) -> NDArray[np.uint8]:
    """Turn texts of 2,304 numbers into pictures, uint8 (n, 48, 48).

    Raises:
        PixelError: a wrong number of values, one outside 0-255 or no number; its `row` says where.
    """
    pictures = np.empty((len(rows), PIXELS), np.uint8)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        values = _parse_regular(part)
        if values is None:
            values = np.stack([_parse_any(text, row) for row, text in enumerate(part, first)])
        pictures[first : first + len(part)] = values
    return pictures.reshape(-1, SIZE, SIZE)


def _parse_regular(rows: Sequence[str]) -> NDArray[np.uint8] | None:
    """Parse rows of plain numbers all at once; None if anything is out of the ordinary."""
    if not all(rows):
        return None
    text = np.frombuffer(f"   {' '.join(rows)} ".encode("ascii", "replace"), np.uint8)
    digit = text != ord(" ")
    value = (text - np.uint8(ord("0"))) * digit
    ends = digit[3:-1] & ~digit[4:]
    four_digits = digit[3:-1] & digit[2:-2] & digit[1:-3] & digit[:-4]
    starts = np.cumsum([0] + [len(row) + 1 for row in rows[:-1]])
    counts = np.add.reduceat(ends, starts, dtype=np.int32)
    if (counts != PIXELS).any() or (value > 9).any() or (ends & four_digits).any():
        return None
    number = value[3:-1].astype(np.uint16)
    number += value[2:-2] * digit[3:-1] * np.uint8(10)
    number += value[1:-3] * digit[2:-2] * np.uint16(100)
    number = number[ends].reshape(-1, PIXELS)
    return None if (number > 255).any() else number.astype(np.uint8)


def _parse_any(text: str, row: int) -> NDArray[np.uint8]:
    words = text.split()
    if len(words) != PIXELS:
        raise PixelError(row, f"has {len(words):,} pixels instead of {PIXELS:,}")
    values = [_VALUES.get(word.lstrip("0") or "0") for word in words]
    if None in values:
        word = words[values.index(None)][:40]
        raise PixelError(row, f"has the pixel {word!r}, which is not a number from 0 to 255")
    return np.array(values, np.uint8)
