"""Nearly identical pictures: candidates by perceptual hash, confirmed by their grey levels."""

from collections.abc import Callable, Iterator

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.groups import connected

DISTANCE_BITS = 8
"""At most so many of the 64 bits of two hashes differ."""

CORRELATION = 0.9
"""Pearson's r of the grey levels is at least this."""

_HASHING = 0.6  # share of the time
_COMPARED = 2**22  # hashes compared at once: 32 MB of them
_CONFIRMED = 1024  # pairs whose grey levels are read at once: 19 MB of them


def near_groups(
    images: NDArray[np.uint8],
    which: NDArray[np.intp],
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> NDArray[np.intp]:
    """Return which pictures are nearly identical: linked by such pairs, if need be over others.

    Args:
        images: uint8 (faces, h, w).
        which: int (n,), the positions of different pictures among them, none of them flat.
        on_progress: called with the share of the work done, 0 to 1.

    Returns:
        int (n,), the number of each picture's group, from 0 in the order in which they occur.
    """
    hashes = np.empty(len(which), np.uint64)
    for i, position in enumerate(which):
        hashes[i] = _perceptual_hash(images[position])
        if i % 1000 == 0:
            on_progress(_HASHING * i / len(which))
    group = np.arange(len(which))
    for done, pairs in _similar(hashes):
        for start in range(0, len(pairs), _CONFIRMED):
            batch = pairs[start : start + _CONFIRMED]
            batch = batch[group[batch[:, 0]] != group[batch[:, 1]]]  # the others need no look
            near = batch[_correlation(images, which[batch]) >= CORRELATION]
            if len(near):
                group = connected(group[near], len(group))[group]
        on_progress(_HASHING + (1 - _HASHING) * done)
    return group


def _perceptual_hash(image: NDArray[np.uint8]) -> np.uint64:
    bits = imagehash.phash(Image.fromarray(image)).hash
    return np.uint64(np.packbits(bits).view(np.uint64)[0])


def _similar(hashes: NDArray[np.uint64]) -> Iterator[tuple[float, NDArray[np.intp]]]:
    """Give the pairs of similar hashes, the smaller index first, and the share of the work done."""
    rows = max(1, _COMPARED // max(1, len(hashes)))
    for start in range(0, len(hashes), rows):
        stop = min(start + rows, len(hashes))
        distances = np.bitwise_count(hashes[start:stop, np.newaxis] ^ hashes[start:])
        pairs = np.argwhere(np.triu(distances <= DISTANCE_BITS, k=1)) + start
        yield 1 - (1 - stop / len(hashes)) ** 2, pairs


def _correlation(images: NDArray[np.uint8], pairs: NDArray[np.intp]) -> NDArray[np.float32]:
    left, right = (_standardised(images[side]) for side in pairs.T)
    return np.asarray((left * right).mean(axis=(1, 2)), np.float32)


def _standardised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = images.astype(np.float32)
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    grey /= np.maximum(grey.std(axis=(1, 2), keepdims=True), 1e-6)
    return grey
