"""Nearly identical pictures: candidates by perceptual hash, confirmed by their grey levels."""

from collections.abc import Callable

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

DISTANCE_BITS = 8
"""At most so many of the 64 bits of two hashes differ."""

CORRELATION = 0.9
"""Pearson's r of the grey levels is at least this."""

_CHUNK = 1000
_HASHING = 0.6  # share of the time


def near_pairs(
    images: NDArray[np.uint8], on_progress: Callable[[float], None] = lambda fraction: None
) -> NDArray[np.intp]:
    """Return the pairs of pictures that are nearly identical, each once, the smaller index first.

    Args:
        images: uint8 (n, h, w), none of them flat.
        on_progress: called with the share of the work done, 0 to 1.

    Returns:
        Indices, int (pairs, 2).
    """
    hashes = np.empty(len(images), np.uint64)
    for i, image in enumerate(images):
        bits = imagehash.phash(Image.fromarray(image)).hash
        hashes[i] = np.packbits(bits).view(np.uint64)[0]
        if i % _CHUNK == 0:
            on_progress(_HASHING * i / len(images))
    found = [np.empty((0, 2), np.intp)]
    for start in range(0, len(images), _CHUNK):
        distances = np.bitwise_count(hashes[start : start + _CHUNK, None] ^ hashes[start:])
        pairs = np.argwhere(np.triu(distances <= DISTANCE_BITS, k=1)) + start
        found.append(pairs[_correlation(images, pairs) >= CORRELATION])
        on_progress(_HASHING + (1 - _HASHING) * min(1.0, (start + _CHUNK) / len(images)))
    return np.concatenate(found)


def _correlation(images: NDArray[np.uint8], pairs: NDArray[np.intp]) -> NDArray[np.float32]:
    left, right = (_standardised(images[side]) for side in pairs.T)
    return np.asarray((left * right).mean(axis=1), np.float32)


def _standardised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(flat.std(axis=1, keepdims=True), 1e-6)
    return flat
