"""Data sets on disk: kept whole or not at all, read back memory-mapped.

A data set is a folder with the files of `writer.py`.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.writer import DatasetInfo, DatasetWriter, map_images
from pipeline.errors import UserError
from pipeline.processes import ProcessId
from pipeline.workspace import check_name, dataset_folder, datasets_folder, is_plain

__all__ = [
    "DatasetInfo",
    "dataset_info",
    "dataset_names",
    "load_dataset",
    "new_dataset",
    "remove_abandoned",
    "remove_dataset",
]
_IMPORTING = ".import-"


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
    return UserError(
        f"The name '{name}' is taken: choose another with --name, or remove that data set first."
    )


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
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise _damaged(name, error) from error


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set without opening its pictures.

    Raises:
        UserError: there is no such data set, or its `meta.json` is damaged.
    """
    folder = dataset_folder(name)
    if not folder.is_dir():
        names = ", ".join(dataset_names()) or "none yet; import one, for example 'sample'"
        raise UserError(f"Unknown data set '{name}'. Choose from: {names}.")
    try:
        content: Any = json.loads((folder / "meta.json").read_text())
        return DatasetInfo.model_validate(content)
    except (OSError, ValueError, ValidationError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> UserError:
    what = "a file is missing" if isinstance(error, FileNotFoundError) else "a file cannot be read"
    return UserError(f"Data set '{name}' is damaged, {what}: remove it and import it again.")


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted."""
    folder = datasets_folder()
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and is_plain(p.name))


def remove_dataset(name: str) -> None:
    """Delete a data set and all its files.

    Raises:
        UserError: there is no such data set.
    """
    if check_name(name) not in dataset_names():
        dataset_info(name)
    shutil.rmtree(dataset_folder(name))
