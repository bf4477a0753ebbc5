"""What the pixels of a data set amount to: measured once at import and kept beside them."""

from contextlib import suppress
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE, SPLITS, FaceDataset
from pipeline.data.kept import keep, read_kept
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder

_CHUNK = 4096


@dataclass(frozen=True)
class Statistics:
    """Light and mean faces.

    Args:
        brightness: float32 (n,), the mean grey level of each face, 0-255.
        contrast: float32 (n,), the standard deviation of its grey levels, 0-127.5.
        counts: int64 (splits, emotions), faces in the order of `SPLITS` and `EMOTIONS`.
        sums: uint64 (splits, emotions, 48, 48), grey levels added up pixel by pixel.
        squares: uint64 (splits, emotions, 48, 48), their squares added up.
    """

    brightness: NDArray[np.float32]
    contrast: NDArray[np.float32]
    counts: NDArray[np.int64]
    sums: NDArray[np.uint64]
    squares: NDArray[np.uint64]

    def mean_face(
        self, emotion: int, split: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return the mean and the standard deviation of an emotion's faces, pixel by pixel.

        Args:
            emotion: index into `EMOTIONS`.
            split: one of `SPLITS`; None for all.

        Returns:
            Two float32 (48, 48), or None if there is no such face.
        """
        of = slice(None) if split is None else slice(SPLITS.index(split), SPLITS.index(split) + 1)
        n = int(self.counts[of, emotion].sum())
        if not n:
            return None
        mean = self.sums[of, emotion].sum(axis=0) / n
        variance = self.squares[of, emotion].sum(axis=0) / n - mean**2
        return mean.astype(np.float32), np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def measure(dataset: FaceDataset) -> Statistics:
    """Measure every face, a few thousand at a time."""
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
            mine = faces[(groups == group).all(axis=1)].astype(np.uint32)
            where = tuple(group)
            counts[where] += len(mine)
            sums[where] += mine.sum(axis=0, dtype=np.uint64)
            squares[where] += (mine**2).sum(axis=0, dtype=np.uint64)
    return Statistics(brightness, contrast, counts, sums, squares)


def statistics(dataset: FaceDataset) -> Statistics:
    """Return what was measured of a data set; measure and keep it if that was never done."""
    folder = dataset_folder(dataset.name)
    found = read_kept(folder, dataset.fingerprint, "statistics")
    if found is not None and found.keys() == {field.name for field in fields(Statistics)}:
        return Statistics(**found)
    made = measure(dataset)
    with suppress(OSError):
        keep(folder, dataset.fingerprint, "statistics", asdict(made))
    return made
