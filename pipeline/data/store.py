"""Data sets on disk: written whole or not at all, opened memory-mapped.

A data set is a folder with `images.npy`, `index.parquet` (id, label, split and, if there are votes,
one column for each) and `meta.json` (the summary for lists of data sets).
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.data.array_cache import save_arrays
from pipeline.data.dataset import SIZE, VOTES, Batch, FaceDataset
from pipeline.data.statistics import measure
from pipeline.errors import UserError
from pipeline.jobs import ProcessId
from pipeline.storage import host_digest, is_abandoned, partial_path, sync, write_json
from pipeline.workspace import dataset_folder, datasets_folder, is_plain

_IMPORTING = ".import-"
_SAMPLES = ("a1c115a37373", "ec01ebf9ed5b", "9d4d4bb50c10")
"""How the fingerprints of the synthetic sample, of all versions, begin."""

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TokenError, pa.ArrowException)


class DatasetInfo(BaseModel):
    """The content of `meta.json`.

    `counts` maps split → emotion → number of faces; `skipped` counts images that the import
    skipped; `ferplus` is whether there are votes; `synthetic`, whether the faces are drawn by
    `pipeline.data.sample`.
    """

    name: str
    fingerprint: str
    faces: int
    counts: dict[str, dict[str, int]]
    source: str
    skipped: int
    ferplus: bool
    created: datetime
    synthetic: bool = False


class DatasetWriter:
    """Writes a data set's folder batch by batch, with only ids, labels and splits in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batches: list[Batch] = []
        self._file: IO[bytes] = (folder / "images.npy").open("wb")
        self._hash = hashlib.sha256()
        self._write_header(0)

    def _write_header(self, n: int) -> None:
        self._file.seek(0)
        layout = {"descr": "|u1", "fortran_order": False, "shape": (n, SIZE, SIZE)}
        np.lib.format.write_array_header_1_0(self._file, layout)

    def append(self, batch: Batch) -> None:
        """Write the images of a batch; its other arrays stay in memory."""
        pixels = batch.images.tobytes()
        self._file.write(pixels)
        self._hash.update(pixels)
        self._batches.append(batch._replace(images=batch.images[:0]))

    def finish(
        self,
        name: str,
        source: str,
        skipped: int,
        votes: NDArray[np.uint8] | None,
        *,
        synthetic: bool = False,
    ) -> DatasetInfo:
        """Write the other files; return the content of `meta.json`."""
        labels = np.concatenate([batch.labels for batch in self._batches])
        splits = np.concatenate([batch.splits for batch in self._batches])
        ids = np.concatenate([batch.ids for batch in self._batches])
        self._write_header(len(labels))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._hash.update(labels.tobytes())
        self._hash.update("\n".join(splits.tolist()).encode())
        fingerprint = self._hash.hexdigest()

        index = pd.DataFrame({"id": ids, "label": labels, "split": splits})
        if votes is not None:
            index = index.assign(**dict(zip(VOTES, votes.T, strict=True)))
        index.to_parquet(self.folder / "index.parquet", index=False)
        sync(self.folder / "index.parquet")
        images = _map_images(self.folder)
        dataset = FaceDataset(name, images, labels, splits, ids, votes, fingerprint)
        info = DatasetInfo(
            name=name,
            fingerprint=fingerprint,
            faces=len(dataset),
            counts=dataset.counts(),
            source=source,
            skipped=skipped,
            ferplus=votes is not None,
            created=datetime.now(UTC),
            synthetic=synthetic,
        )
        save_arrays(self.folder, fingerprint, "statistics", asdict(measure(dataset)))
        write_json(self.folder / "meta.json", info.model_dump(mode="json"))
        return info

    def close(self) -> None:
        """Close the image file; does nothing after `finish`."""
        self._file.close()


def _map_images(folder: Path) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] = np.load(folder / "images.npy", mmap_mode="r")
    return images


@contextmanager
def new_dataset(name: str) -> Iterator[DatasetWriter]:
    """Yield a writer, whose folder becomes the data set if the block succeeds, else is removed.

    Raises:
        UserError: the name is taken or not a plain name.
    """
    target = dataset_folder(name)
    if target.exists():
        raise _taken(name)
    datasets_folder().mkdir(parents=True, exist_ok=True)
    remove_abandoned()
    prefix = f"{_IMPORTING}{os.getpid()}-{ProcessId.of(os.getpid()).started}-{host_digest()}-"
    partial = datasets_folder() / f"{prefix}{secrets.token_hex(4)}"
    partial.mkdir()
    try:
        with closing(DatasetWriter(partial)) as writer:
            yield writer
        try:
            partial.rename(target)
            sync(target.parent)
        except OSError as error:
            raise (_taken(name) if target.exists() else error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _taken(name: str) -> UserError:
    return UserError(f"The name '{name}' is taken: choose another, or remove that data set first.")


def remove_abandoned() -> None:
    """Remove the folders of killed imports; a process is known by its id and its start time."""
    for folder in datasets_folder().glob(f"{_IMPORTING}*"):
        pid, started, host = folder.name.removeprefix(_IMPORTING).split("-")[:3]
        process = ProcessId(pid=int(pid), started=float(started)).find()
        if process is None and is_abandoned(folder, host):
            shutil.rmtree(folder, ignore_errors=True)


def load_dataset(name: str) -> FaceDataset:
    """Open a data set; its images are memory-mapped.

    Raises:
        UserError: there is no such data set, or its files are damaged.
    """
    info = dataset_info(name)
    folder = dataset_folder(name)
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
    except _UNREADABLE as error:
        raise _damaged(name, error) from error


def dataset_info(name: str) -> DatasetInfo:
    """Return the content of a data set's `meta.json`, with the folder's name as its name.

    Raises:
        UserError: there is no such data set, or the file is damaged.
    """
    folder = _existing_folder(name)
    try:
        info = DatasetInfo.model_validate_json((folder / "meta.json").read_text())
        return info.model_copy(update={"name": name})
    except (OSError, ValueError) as error:
        raise _damaged(name, error) from error


def _existing_folder(name: str) -> Path:
    folder = dataset_folder(name)
    if not folder.is_dir():
        names = ", ".join(dataset_names()) or "none yet; import one, for example 'sample'"
        raise UserError(f"Unknown data set '{name}'. Choose from: {names}.")
    return folder


def _damaged(name: str, error: Exception) -> UserError:
    what = "a file is missing" if isinstance(error, FileNotFoundError) else "a file cannot be read"
    return UserError(f"Data set '{name}' is damaged, {what}: remove it and import it again.")


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted."""
    folder = datasets_folder()
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and is_plain(p.name))


def datasets_of(fingerprint: str) -> list[DatasetInfo]:
    """Return the undamaged data sets of a fingerprint, sorted by name.

    Args:
        fingerprint: the whole fingerprint, or its start.
    """
    infos = []
    for name in dataset_names():
        with suppress(UserError):
            infos.append(dataset_info(name))
    return [info for info in infos if info.fingerprint.startswith(fingerprint)]


def is_synthetic(fingerprint: str) -> bool:
    """Return whether the faces of a data set are those of the synthetic sample, whatever its name.

    Args:
        fingerprint: its first 12 characters or more.
    """
    return fingerprint[:12] in _SAMPLES or any(each.synthetic for each in datasets_of(fingerprint))


def find_dataset(name: str, fingerprint: str) -> str:
    """Return the present name of a data set that may have been renamed; `name` if it is gone.

    Args:
        name: its former name, preferred to other data sets with this fingerprint.
        fingerprint: its fingerprint.
    """
    names = [info.name for info in datasets_of(fingerprint)]
    return name if name in names or not names else names[0]


def rename_dataset(name: str, new: str) -> None:
    """Rename a data set, which may be damaged, with everything in its folder.

    Raises:
        UserError: there is no such data set, the new name is taken or not a plain name, or the
            folder cannot be renamed.
    """
    folder, target = _existing_folder(name), dataset_folder(new)
    if target.exists():
        raise _taken(new)
    try:
        folder.rename(target)
    except OSError as error:
        raise UserError(f"Data set '{name}' cannot be renamed: {error.strerror}.") from error
    with suppress(
        OSError, UserError
    ):  # `dataset_info` takes the name from the folder, not from the file
        write_json(target / "meta.json", dataset_info(new).model_dump(mode="json"))


def remove_dataset(name: str) -> None:
    """Delete a data set with everything in its folder; killed meanwhile, it is not listed.

    Raises:
        UserError: there is no such data set, or a file cannot be removed.
    """
    folder = _existing_folder(name)
    try:
        hidden = folder.rename(partial_path(folder))
        try:
            shutil.rmtree(hidden)
        except OSError:
            hidden.rename(folder)
            raise
    except OSError as error:
        raise UserError(f"Data set '{name}' cannot be removed: {error.strerror}.") from error
