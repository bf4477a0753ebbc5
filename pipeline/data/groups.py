"""Which faces belong together: groups of pictures, numbered from 0; `NO_GROUP` is none."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NO_GROUP = -1


def different_pictures(images: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each different picture occurs first, and which picture each image is."""
    digests = [blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    picture, _ = pd.factorize(np.array(digests, dtype=object))
    return np.unique(picture, return_index=True)[1], picture


def connected(pairs: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Return the connected component of each of n things of which these pairs are linked."""
    from scipy.sparse import coo_array  # 36 MB, for those who look for groups only
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)


def number_groups(members: NDArray[np.intp]) -> NDArray[np.int32]:
    """Number the groups of two and more members from 0, in the order in which they occur."""
    shared = np.bincount(members) > 1
    numbers = np.where(shared, np.cumsum(shared) - 1, NO_GROUP)
    return numbers[members].astype(np.int32)


def members_differ(groups: NDArray[np.int32], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which faces are of a group whose members differ in a value."""
    seen = pd.Series(values).groupby(groups).nunique()
    found = pd.Series(groups).map(seen > 1).to_numpy(dtype=np.bool_)
    return np.asarray(found & (groups != NO_GROUP))
