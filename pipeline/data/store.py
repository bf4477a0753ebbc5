"""Data sets on disk: written whole or not at all, read back memory-mapped.

A data set is a folder with `images.npy`, `index.parquet` (id, label, split and, where there are
any, one column a FER+ vote) and `meta.json` (what lists show without opening the rest).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from pipeline.data.dataset import SIZE, VOTES, Batch, FaceDataset
from pipeline.errors import UserError
from pipeline.workspace import check_name, datasets_folder, write_json


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
    """Appends batches of faces to a folder; constant memory but for ids, labels and splits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        index.to_parquet(self._folder / "index.parquet", index=False)
        dataset = FaceDataset(
            name, _map_images(self._folder), labels, splits, ids, votes, self._pixels.hexdigest()
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
        write_json(self._folder / "meta.json", info.model_dump(mode="json"))
        return info

    def close(self) -> None:
        """Let go of the picture file; harmless after `finish`."""
        self._file.close()


@contextmanager
def new_dataset(name: str) -> Iterator[DatasetWriter]:
    """Give a writer whose folder becomes the data set if the block ends well, else vanishes.

    Raises:
        UserError: the name is taken or not a plain name.
    """
    target = datasets_folder() / check_name(name)
    if target.exists():
        raise _taken(name)
    partial = datasets_folder() / f".import-{os.getpid()}-{name}"
    _remove_abandoned()
    partial.mkdir(parents=True)
    writer = DatasetWriter(partial)
    try:
        yield writer
        try:
            partial.rename(target)
        except OSError as error:
            raise _taken(name) from error
    finally:
        writer.close()
        shutil.rmtree(partial, ignore_errors=True)


def _taken(name: str) -> UserError:
    return UserError(
        f"The name '{name}' is taken: choose another with --name, or remove that data set first."
    )


def _remove_abandoned() -> None:
    for folder in datasets_folder().glob(".import-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _map_images(folder: Path) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] = np.load(folder / "images.npy", mmap_mode="r")
    return images


def load_dataset(name: str) -> FaceDataset:
    """Open a data set; its pictures stay on disk until they are looked at.

    Raises:
        UserError: there is no such data set, or its files are damaged.
    """
    info = dataset_info(name)
    folder = datasets_folder() / name
    try:
        index = pd.read_parquet(folder / "index.parquet")
        votes = index[list(VOTES)].to_numpy(np.uint8) if info.ferplus else None
        return FaceDataset(
            name,
            _map_images(folder),
            index["label"].to_numpy(np.uint8),
            index["split"].to_numpy(dtype="U"),
            index["id"].to_numpy(dtype="U"),
            votes,
            info.fingerprint,
        )
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(name, error) from error


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set without opening its pictures.

    Raises:
        UserError: there is no such data set, or its `meta.json` is damaged.
    """
    folder = datasets_folder() / check_name(name)
    if not folder.is_dir():
        names = ", ".join(dataset_names()) or "none yet; import one, for example 'sample'"
        raise UserError(f"Unknown data set '{name}'. Choose from: {names}.")
    try:
        content: Any = json.loads((folder / "meta.json").read_text())
        return DatasetInfo.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> UserError:
    reason = str(error).splitlines()[0]
    return UserError(f"Data set '{name}' is damaged ({reason}): remove it and import it again.")


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted."""
    folder = datasets_folder()
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def remove_dataset(name: str) -> None:
    """Delete a data set and all its files.

    Raises:
        UserError: there is no such data set.
    """
    if check_name(name) not in dataset_names():
        dataset_info(name)
    shutil.rmtree(datasets_folder() / name)
