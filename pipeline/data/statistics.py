"""Brightness, contrast and mean images of a data set, computed once at import and stored."""

from contextlib import suppress
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.data.array_cache import load_arrays, save_arrays
from pipeline.data.dataset import SIZE, SPLITS, FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder

_CHUNK = 4096


@dataclass(frozen=True)
class Statistics:
    """Brightness and contrast of n faces; sums for mean images.

    Args:
        brightness: float32 (n,), the mean gray level of each face, 0-255.
        contrast: float32 (n,), the standard deviation of its gray levels, 0-127.5.
        counts: int64 (splits, emotions), faces in the order of `SPLITS` and `EMOTIONS`.
        sums: uint64 (splits, emotions, 48, 48), the sum of the faces' gray levels.
        squares: uint64 (splits, emotions, 48, 48), the sum of their squares.
    """

    brightness: NDArray[np.float32]
    contrast: NDArray[np.float32]
    counts: NDArray[np.int64]
    sums: NDArray[np.uint64]
    squares: NDArray[np.uint64]

    def mean_face(
        self, emotion: int, split: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return the mean and the standard deviation of each pixel over an emotion's faces.

        Args:
            emotion: index into `EMOTIONS`.
            split: one of `SPLITS`; None for all.

        Returns:
            Two float32 (48, 48), or None if there is no such face.
        """
        rows = slice(None) if split is None else [SPLITS.index(split)]
        n = int(self.counts[rows, emotion].sum())
        if not n:
            return None
        mean = self.sums[rows, emotion].sum(axis=0) / n
        variance = self.squares[rows, emotion].sum(axis=0) / n - mean**2
        return mean.astype(np.float32), np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def measure(dataset: FaceDataset) -> Statistics:
    """Compute the statistics of a data set, a few thousand faces at a time."""
    n, shape = len(dataset), (len(SPLITS), len(EMOTIONS))
    brightness, contrast = np.empty(n, np.float32), np.empty(n, np.float32)
    counts = np.zeros(shape, np.int64)
    sums, squares = (np.zeros((*shape, SIZE, SIZE), np.uint64) for _ in range(2))
    splits = np.searchsorted(sorted(SPLITS), dataset.splits)
    splits = np.array([SPLITS.index(split) for split in sorted(SPLITS)])[splits]
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        faces = np.asarray(dataset.images[part])
        brightness[part] = faces.mean(axis=(1, 2))
        contrast[part] = faces.std(axis=(1, 2), dtype=np.float32)
        groups = np.stack([splits[part], dataset.labels[part]], axis=1)
        for group in np.unique(groups, axis=0):
            members = faces[(groups == group).all(axis=1)].astype(np.uint32)
            cell = tuple(group)
            counts[cell] += len(members)
            sums[cell] += members.sum(axis=0, dtype=np.uint64)
            squares[cell] += (members**2).sum(axis=0, dtype=np.uint64)
    return Statistics(brightness, contrast, counts, sums, squares)


def statistics(dataset: FaceDataset) -> Statistics:
    """Return the stored statistics of a data set; compute and store them if there are none."""
    folder = dataset_folder(dataset.name)
    stored = load_arrays(folder, dataset.fingerprint, "statistics")
    if stored is not None and stored.keys() == {field.name for field in fields(Statistics)}:
        return Statistics(**stored)
    computed = measure(dataset)
    with suppress(OSError):
        save_arrays(folder, dataset.fingerprint, "statistics", asdict(computed))
    return computed
