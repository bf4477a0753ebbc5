"""Exclusion lists: faces of a data set to pass over, by name, each with a reason.

A list is a small CSV of `id` and `reason` in the data set's folder. Nothing is ever deleted from
the data.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.workspace import check_name, dataset_folder, is_plain, write_text


@dataclass(frozen=True)
class ExclusionList:
    """Faces to pass over.

    Args:
        name: the list's name.
        reasons: the face's id → why it is left out, in the order in which they were added.
    """

    name: str
    reasons: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted ids: the same for lists that leave the same faces out."""
        return hashlib.sha256("\n".join(sorted(self.reasons)).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.reasons)


def exclusion_names(dataset: str) -> list[str]:
    """Return the names of a data set's exclusion lists, sorted."""
    files = _folder(dataset).glob("*.csv")
    return sorted(path.stem for path in files if is_plain(path.stem))


def load_exclusions(dataset: str, name: str) -> ExclusionList:
    """Read an exclusion list.

    Raises:
        UserError: there is none of this name, or its file is damaged.
    """
    path = _path(dataset, name)
    if not path.is_file():
        names = ", ".join(exclusion_names(dataset)) or "none yet; make one on the Dataset page"
        raise UserError(
            f"Data set '{dataset}' has no exclusion list '{name}'. Choose from: {names}."
        )
    return read_exclusions(path, name)


def read_exclusions(path: Path, name: str) -> ExclusionList:
    """Read a CSV with the columns `id` and `reason`; the reason may be missing.

    Raises:
        UserError: the file cannot be read as one.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        ids = table["id"]
        reasons = table["reason"] if "reason" in table else [""] * len(table)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path.name} is no readable list of faces: it needs a header with 'id' and 'reason'."
        ) from error
    return ExclusionList(name, dict(zip(ids, reasons, strict=True)))


def exclude(dataset: FaceDataset, name: str, ids: Iterable[str], reason: str) -> ExclusionList:
    """Add faces to a list, which is made if there is none of this name; a first reason stays.

    Args:
        dataset: the data set the faces belong to.
        name: the list's name.
        ids: the faces.
        reason: why they are left out.

    Raises:
        UserError: the name is not a plain name, or an id belongs to no face of the data set.
    """
    ids = list(ids)
    dataset.without(ids)
    known = (
        load_exclusions(dataset.name, name).reasons if _path(dataset.name, name).exists() else {}
    )
    changed = ExclusionList(name, {**dict.fromkeys(ids, reason), **known})
    _write(dataset.name, changed)
    return changed


def include(dataset: str, name: str, ids: Iterable[str]) -> ExclusionList:
    """Take faces off a list; those that are not on it are passed over.

    Raises:
        UserError: there is no such list.
    """
    reasons = load_exclusions(dataset, name).reasons
    back = set(ids)
    changed = ExclusionList(name, {i: why for i, why in reasons.items() if i not in back})
    _write(dataset, changed)
    return changed


def remove_exclusions(dataset: str, name: str) -> None:
    """Delete a list; the faces stay where they are.

    Raises:
        UserError: there is no such list.
    """
    load_exclusions(dataset, name)
    _path(dataset, name).unlink()


def _write(dataset: str, listed: ExclusionList) -> None:
    path = _path(dataset, listed.name)
    table = pd.DataFrame({"id": listed.reasons.keys(), "reason": listed.reasons.values()})
    try:
        path.parent.mkdir(exist_ok=True)
        write_text(path, table.to_csv(index=False))
    except OSError as error:
        raise UserError(
            f"The list '{listed.name}' cannot be written: {error.strerror or error}."
        ) from error


def _path(dataset: str, name: str) -> Path:
    return _folder(dataset) / f"{check_name(name)}.csv"


def _folder(dataset: str) -> Path:
    return dataset_folder(dataset) / "exclusions"
