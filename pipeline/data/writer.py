"""The files of one data set, written batch by batch.

`images.npy`, `index.parquet` (id, label, split and, where there are any, one column a FER+ vote)
and `meta.json` (what lists show without opening the rest).
"""

import hashlib
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.data.dataset import SIZE, VOTES, Batch, FaceDataset
from pipeline.data.kept import keep
from pipeline.data.statistics import measure
from pipeline.workspace import write_json


class DatasetInfo(BaseModel):
    """What `meta.json` tells of a data set."""

    name: str
    fingerprint: str
    faces: int
    counts: dict[str, dict[str, int]]
    source: str
    skipped: int
    ferplus: bool
    created: datetime


class DatasetWriter:
    """Appends batches of faces to `folder`; constant memory but for ids, labels and splits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches: list[Batch] = []
        self._file: IO[bytes] = (folder / "images.npy").open("wb")
        self._pixels = hashlib.sha256()
        self._write_header(0)

    def _write_header(self, n: int) -> None:
        self._file.seek(0)
        layout = {"descr": "|u1", "fortran_order": False, "shape": (n, SIZE, SIZE)}
        np.lib.format.write_array_header_1_0(self._file, layout)

    def append(self, batch: Batch) -> None:
        """Write the batch's pictures and keep the rest of it."""
        pixels = batch.images.tobytes()
        self._file.write(pixels)
        self._pixels.update(pixels)
        self._batches.append(batch._replace(images=batch.images[:0]))

    def finish(
        self, name: str, source: str, skipped: int, votes: NDArray[np.uint8] | None
    ) -> DatasetInfo:
        """Complete the folder and return what it holds."""
        labels = np.concatenate([batch.labels for batch in self._batches])
        splits = np.concatenate([batch.splits for batch in self._batches])
        ids = np.concatenate([batch.ids for batch in self._batches])
        self._write_header(len(labels))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._pixels.update(labels.tobytes())
        self._pixels.update("\n".join(splits.tolist()).encode())

        index = pd.DataFrame({"id": ids, "label": labels, "split": splits})
        if votes is not None:
            index = index.assign(**dict(zip(VOTES, votes.T, strict=True)))
        index.to_parquet(self.folder / "index.parquet", index=False)
        dataset = FaceDataset(
            name, map_images(self.folder), labels, splits, ids, votes, self._pixels.hexdigest()
        )
        info = DatasetInfo(
            name=name,
            fingerprint=dataset.fingerprint,
            faces=len(dataset),
            counts=dataset.counts(),
            source=source,
            skipped=skipped,
            ferplus=votes is not None,
            created=datetime.now(UTC),
        )
        keep(self.folder, dataset.fingerprint, "statistics", asdict(measure(dataset)))
        write_json(self.folder / "meta.json", info.model_dump(mode="json"))
        return info

    def close(self) -> None:
        """Let go of the picture file; harmless after `finish`."""
        self._file.close()


def map_images(folder: Path) -> NDArray[np.uint8]:
    """Open the pictures of a data set's folder, uint8 (n, 48, 48), without reading them."""
    images: NDArray[np.uint8] = np.load(folder / "images.npy", mmap_mode="r")
    return images
