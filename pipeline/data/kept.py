"""What was computed of a data set once: arrays in its folder, good for one fingerprint only."""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from threading import get_ident
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

DAMAGED_ARRAYS = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,  # a changed bit says: encrypted, or of an unknown method
    TokenError,
    BadZipFile,
    zlib.error,
)
"""What numpy raises, file by file, when it reads a damaged `.npz`."""


def keep(folder: Path, fingerprint: str, what: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays into a data set's folder, whole or not at all.

    Args:
        folder: the data set's folder.
        fingerprint: of the data set they were computed of.
        what: names the file, a plain name.
        arrays: name → array, without objects.

    Raises:
        OSError: they cannot be written.
    """
    partial = folder / f".{what}.{os.getpid()}-{get_ident()}.npz"
    try:
        content: dict[str, Any] = {**arrays, "fingerprint": np.array(fingerprint)}
        np.savez_compressed(partial, **content)
        partial.replace(folder / f"{what}.npz")
    finally:
        partial.unlink(missing_ok=True)


def read_kept(folder: Path, fingerprint: str, what: str) -> dict[str, NDArray[Any]] | None:
    """Return arrays that were kept of just this data set; None if there are none to be read."""
    try:
        with (
            (folder / f"{what}.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            arrays = {name: stored[name] for name in stored.files}
    except DAMAGED_ARRAYS:
        return None
    return arrays if str(arrays.pop("fingerprint", "")) == fingerprint else None
