"""Exclusion lists: faces of a data set to pass over, by name, each with a reason.

A list is a small CSV of `id` and `reason` in the data set's folder. Nothing is ever deleted from
the data.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.workspace import check_name, dataset_folder, is_plain, write_text

NO_LIST = "none"
"""What options and configurations say for no list."""


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

    def csv(self) -> str:
        """Return the list as a CSV of `id` and `reason`, as `read_exclusions` reads it."""
        table = io.StringIO()
        rows = [("id", "reason"), *self.reasons.items()]
        csv.writer(table, lineterminator="\n").writerows(rows)
        return table.getvalue()

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
    return read_exclusions(_existing(dataset, name), name)


def read_exclusions(path: Path, name: str) -> ExclusionList:
    """Read a CSV with the columns `id` and `reason`; the reason may be missing.

    Raises:
        UserError: the file cannot be read as one.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = reader.fieldnames or (), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(path) from error
    if "id" not in header or any(None in row for row in rows):
        raise _unreadable(path)
    return ExclusionList(name, {row["id"] or "": row.get("reason") or "" for row in rows})


def _unreadable(path: Path) -> UserError:
    return UserError(
        f"{path.name} is no readable list of faces: it needs a header with 'id' and 'reason', "
        "and quotes around a reason with a comma."
    )


def exclude(dataset: FaceDataset, name: str, reasons: Mapping[str, str]) -> ExclusionList:
    """Add faces to a list, which is made if there is none of this name; a first reason stays.

    Args:
        dataset: the data set the faces belong to.
        name: the list's name.
        reasons: the face's id → why it is left out.

    Raises:
        UserError: the name is not a plain name, or `none`, which stands for no list; or an id
            belongs to no face of the data set.
    """
    if name == NO_LIST:
        raise UserError(f"'{NO_LIST}' stands for no exclusion list: choose another name.")
    dataset.without(reasons)
    path = _path(dataset.name, name)
    known = read_exclusions(path, name).reasons if path.exists() else {}
    changed = ExclusionList(name, {**known, **reasons, **known})
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
        UserError: there is no such list, or its file cannot be deleted.
    """
    try:
        _existing(dataset, name).unlink()
    except OSError as error:
        raise UserError(
            f"The list '{name}' cannot be removed: {error.strerror or error}."
        ) from error


def _write(dataset: str, listed: ExclusionList) -> None:
    path = _path(dataset, listed.name)
    try:
        path.parent.mkdir(exist_ok=True)
        write_text(path, listed.csv())
    except OSError as error:
        raise UserError(
            f"The list '{listed.name}' cannot be written: {error.strerror or error}."
        ) from error


def _existing(dataset: str, name: str) -> Path:
    path = _path(dataset, name)
    if not path.is_file():
        names = ", ".join(exclusion_names(dataset)) or "none yet; make one on the Dataset page"
        raise UserError(
            f"Data set '{dataset}' has no exclusion list '{name}'. Choose from: {names}."
        )
    return path


def _path(dataset: str, name: str) -> Path:
    return _folder(dataset) / f"{check_name(name)}.csv"


def _folder(dataset: str) -> Path:
    return dataset_folder(dataset) / "exclusions"
