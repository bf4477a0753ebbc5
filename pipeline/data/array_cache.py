"""Arrays computed from a data set, cached in its folder and valid for one fingerprint only."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.storage import write_atomic

DAMAGED_ARRAYS = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,  # a flipped bit that marks a member as encrypted or of an unknown method
    TokenError,
    BadZipFile,
    zlib.error,
)
"""Errors of numpy from reading a damaged `.npz` member by member."""


def save_arrays(
    folder: Path, fingerprint: str, name: str, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays to `<name>.npz` in a data set's folder, whole or not at all.

    Args:
        folder: the data set's folder.
        fingerprint: of the data set that the arrays were computed from.
        name: the file's name without its suffix.
        arrays: name → array without objects.

    Raises:
        OSError: the file cannot be written.
    """
    content: dict[str, Any] = {**arrays, "fingerprint": np.array(fingerprint)}
    with write_atomic(folder / f"{name}.npz") as partial:
        np.savez_compressed(partial, **content)


def load_arrays(folder: Path, fingerprint: str, name: str) -> dict[str, NDArray[Any]] | None:
    """Return the cached arrays; None if they are missing, damaged or of another fingerprint."""
    try:
        with (
            (folder / f"{name}.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            arrays = {key: stored[key] for key in stored.files}
    except DAMAGED_ARRAYS:
        return None
    return arrays if str(arrays.pop("fingerprint", "")) == fingerprint else None
