"""Groups of duplicate and of near-duplicate images.

Duplicates have the same 2,304 bytes. Near-duplicates are two versions of one photo. Pairs whose
perceptual hashes (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
Functions", as `imagehash` computes them) and gray levels are similar are laid over each other, and
are near-duplicates if their details coincide, see `registration`. Similarity alone is not enough:
faces that are drawn alike, as those of the sample, are no more than that.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import imagehash
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.registration import displacements

NO_GROUP = -1
"""The group number of a face that belongs to no group."""

MAX_DISTANCE_BITS = 10
"""Hashes of near-duplicates differ in at most this many of 64 bits."""

MIN_CORRELATION = 0.75
"""Gray levels of near-duplicates have at least this Pearson correlation."""

MAX_DISPLACEMENT_PX = 0.17
"""Details of near-duplicates are at most this far apart, see `registration.displacements`."""

_HASHING_SHARE = 0.3  # of the progress
_HASHES_PER_STEP = 2**22  # 32 MB
_PAIRS_PER_STEP = 1024  # 19 MB of gray levels


def unique_images(images: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct images among n, as `numpy.unique` does.

    Returns:
        Positions of the first occurrences, in order, and for each image the number of its distinct
        image, intp (n,).
    """
    digests = [blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    inverse, _ = pd.factorize(np.array(digests, dtype=object))
    return np.unique(inverse, return_index=True)[1], inverse


def number_groups(members: NDArray[np.intp]) -> NDArray[np.int32]:
    """Number the groups of two or more members from 0, in order of occurrence.

    Args:
        members: intp (n,), the group or image that each face belongs to.

    Returns:
        int32 (n,), `NO_GROUP` for a face that is alone.
    """
    shared = np.bincount(members) > 1
    numbers = np.where(shared, np.cumsum(shared) - 1, NO_GROUP)
    return numbers[members].astype(np.int32)


def members_differ(groups: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which faces belong to a group whose members have different values."""
    distinct = pd.Series(values).groupby(groups).nunique()
    differ = pd.Series(groups).map(distinct > 1).to_numpy(dtype=np.bool_)
    return np.asarray(differ & (groups != NO_GROUP))


def near_duplicate_groups(
    images: NDArray[np.uint8],
    candidates: NDArray[np.intp],
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> NDArray[np.intp]:
    """Return the connected components of images that pairs of near-duplicates link.

    Args:
        images: uint8 (faces, h, w).
        candidates: intp (n,), positions of distinct images that are not of low contrast.
        on_progress: called with the fraction done, 0 to 1.

    Returns:
        intp (n,), the number of each candidate's component, from 0 in order of occurrence.
    """
    hashes = np.empty(len(candidates), np.uint64)
    for i, position in enumerate(candidates):
        hashes[i] = _perceptual_hash(images[position])
        if i % 1000 == 0:
            on_progress(_HASHING_SHARE * i / len(candidates))
    group = np.arange(len(candidates))
    for done, pairs in _similar_hashes(hashes):
        for start in range(0, len(pairs), _PAIRS_PER_STEP):
            batch = pairs[start : start + _PAIRS_PER_STEP]
            batch = batch[group[batch[:, 0]] != group[batch[:, 1]]]  # not linked yet
            batch = batch[_correlation(images, candidates[batch]) >= MIN_CORRELATION]
            first, second = (images[side] for side in candidates[batch].T)
            near = batch[displacements(first, second) <= MAX_DISPLACEMENT_PX]
            if len(near):
                group = _components(group[near], len(group))[group]
        on_progress(_HASHING_SHARE + (1 - _HASHING_SHARE) * done)
    return group


def _perceptual_hash(image: NDArray[np.uint8]) -> np.uint64:
    bits = imagehash.phash(Image.fromarray(image)).hash
    return np.uint64(np.packbits(bits).view(np.uint64)[0])


def _similar_hashes(hashes: NDArray[np.uint64]) -> Iterator[tuple[float, NDArray[np.intp]]]:
    """Yield the fraction done and pairs of similar hashes, the smaller index first."""
    rows = max(1, _HASHES_PER_STEP // max(1, len(hashes)))
    for start in range(0, len(hashes), rows):
        stop = min(start + rows, len(hashes))
        distances = np.bitwise_count(hashes[start:stop, np.newaxis] ^ hashes[start:])
        pairs = np.argwhere(np.triu(distances <= MAX_DISTANCE_BITS, k=1)) + start
        yield 1 - (1 - stop / len(hashes)) ** 2, pairs


def _correlation(images: NDArray[np.uint8], pairs: NDArray[np.intp]) -> NDArray[np.float32]:
    left, right = (_standardized(images[side]) for side in pairs.T)
    return np.asarray((left * right).mean(axis=(1, 2)), np.float32)


def _standardized(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    gray = images.astype(np.float32)
    gray -= gray.mean(axis=(1, 2), keepdims=True)
    gray /= np.maximum(gray.std(axis=(1, 2), keepdims=True), 1e-6)
    return gray


def _components(pairs: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    from scipy.sparse import coo_array  # 36 MB, loaded only where groups are computed
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)
