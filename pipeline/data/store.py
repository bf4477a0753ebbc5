"""Data sets on disk: kept whole or not at all, read back memory-mapped.

A data set is a folder with the files of `writer.py`.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.writer import DatasetInfo, DatasetWriter, map_images
from pipeline.errors import UserError
from pipeline.processes import ProcessId
from pipeline.workspace import dataset_folder, datasets_folder, is_plain, write_json

__all__ = [
    "DatasetInfo",
    "dataset_info",
    "dataset_names",
    "datasets_of",
    "find_dataset",
    "load_dataset",
    "new_dataset",
    "remove_abandoned",
    "remove_dataset",
    "rename_dataset",
]
_IMPORTING = ".import-"
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TokenError, pa.ArrowException)


@contextmanager
def new_dataset(name: str) -> Iterator[DatasetWriter]:
    """Give a writer whose folder becomes the data set if the block ends well, else vanishes.

    Raises:
        UserError: the name is taken or not a plain name.
    """
    target = dataset_folder(name)
    if target.exists():
        raise _taken(name)
    datasets_folder().mkdir(parents=True, exist_ok=True)
    remove_abandoned()
    mine = f"{_IMPORTING}{os.getpid()}-{_start_of(os.getpid())}-"
    partial = Path(tempfile.mkdtemp(prefix=mine, dir=datasets_folder()))
    try:
        with closing(DatasetWriter(partial)) as writer:
            yield writer
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError as error:
            raise (_taken(name) if target.exists() else error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _taken(name: str) -> UserError:
    return UserError(f"The name '{name}' is taken: choose another, or remove that data set first.")


def remove_abandoned() -> None:
    """Clear away what a killed import left; a process is known by its id and its start."""
    for folder in datasets_folder().glob(f"{_IMPORTING}*"):
        pid, started = folder.name.removeprefix(_IMPORTING).split("-")[:2]
        if abs(_start_of(int(pid)) - int(started)) > 2:  # seconds the clock may have been set by
            shutil.rmtree(folder, ignore_errors=True)


def _start_of(pid: int) -> int:
    return round(ProcessId.of(pid).started)


def load_dataset(name: str) -> FaceDataset:
    """Open a data set; its pictures stay on disk until they are looked at.

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
            map_images(folder),
            index["label"].to_numpy(np.uint8),
            index["split"].to_numpy(dtype="U"),
            index["id"].to_numpy(dtype="U"),
            votes,
            info.fingerprint,
        )
    except _UNREADABLE as error:
        raise _damaged(name, error) from error


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set without opening its pictures.

    Its name is its folder's, whatever the file says.

    Raises:
        UserError: there is no such data set, or its `meta.json` is damaged.
    """
    folder = _existing_folder(name)
    try:
        content: Any = json.loads((folder / "meta.json").read_text())
        return DatasetInfo.model_validate(content).model_copy(update={"name": name})
    except (OSError, ValueError, ValidationError) as error:
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
    """Return the data sets that hold just these faces, by name; damaged ones are passed over.

    Args:
        fingerprint: of the data set, or how it begins.
    """
    found = []
    for name in dataset_names():
        with suppress(UserError):
            found.append(dataset_info(name))
    return [info for info in found if info.fingerprint.startswith(fingerprint)]


def find_dataset(name: str, fingerprint: str) -> str:
    """Return the name that a data set has by now; the old name if it is nowhere to be found.

    Args:
        name: what it was called, which goes before other data sets that hold the same faces.
        fingerprint: its fingerprint.
    """
    names = [info.name for info in datasets_of(fingerprint)]
    return name if name in names or not names else names[0]


def rename_dataset(name: str, new: str) -> None:
    """Give a data set, which may be damaged, another name; all that is kept with it goes along.

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
    with suppress(OSError, UserError):  # its folder has named it already
        write_json(target / "meta.json", dataset_info(new).model_dump(mode="json"))


def remove_dataset(name: str) -> None:
    """Delete a data set and all its files.

    Raises:
        UserError: there is no such data set, or a file of it cannot be removed.
    """
    try:
        shutil.rmtree(_existing_folder(name))
    except OSError as error:
        raise UserError(f"Data set '{name}' cannot be removed: {error.strerror}.") from error
