"""Exclusion lists: named lists of faces that trainings and evaluations skip.

A list is a CSV of `id` and `reason` in the data set's folder. The data itself is never changed.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.locks import locked
from pipeline.storage import cannot_write, csv_cell, read_csv_cell, write_text
from pipeline.workspace import check_name, dataset_folder, is_plain

NO_LIST = "none"
"""The name that means no list, in options and configurations."""

_MAX_REASON_LENGTH = 10_000


@dataclass(frozen=True)
class ExclusionList:
    """Faces to skip.

    Args:
        name: the list's name.
        reasons: id of a face → reason, in the order in which they were added.
    """

    name: str
    reasons: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted ids, without the reasons."""
        return hashlib.sha256("\n".join(sorted(self.reasons)).encode()).hexdigest()

    def csv(self) -> str:
        """Return the list as a CSV of `id` and `reason`, as `read_exclusions` reads it."""
        table = io.StringIO()
        rows = [("id", "reason"), *self.reasons.items()]
        writer = csv.writer(table)
        writer.writerows(map(csv_cell, row) for row in rows)
        return table.getvalue()

    def __len__(self) -> int:
        return len(self.reasons)


def exclusion_names(dataset: str) -> list[str]:
    """Return the names of a data set's exclusion lists, sorted."""
    files = _folder(dataset).glob("*.csv")
    return sorted(path.stem for path in files if is_plain(path.stem))


def list_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of exclusion lists in texts such as `a,b`, sorted, each once.

    Empty ones and `none` are left out.
    """
    names = {name.strip() for text in texts for name in text.split(",")}
    return tuple(sorted(names - {"", NO_LIST}))


def load_exclusions(dataset: str, *names: str) -> ExclusionList:
    """Read exclusion lists, several of them as one that has the faces of all.

    The name of several is `a,b`, and a face's reason begins with the name of the first list that
    has it.

    Raises:
        UserError: there is none of a name, or a file is damaged.
    """
    lists = [read_exclusions(_existing(dataset, name), name) for name in names]
    if len(lists) == 1:
        return lists[0]
    reasons: dict[str, str] = {}
    for each in lists:
        for face, reason in each.reasons.items():
            reasons.setdefault(face, f"{each.name}: {reason}")
    return ExclusionList(",".join(names), reasons)


def read_exclusions(path: Path, name: str) -> ExclusionList:
    """Read a CSV with the columns `id` and `reason`; the reason may be missing.

    Raises:
        UserError: the file is not such a CSV.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = reader.fieldnames or (), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(path) from error
    reasons = {
        read_csv_cell(row.get("id") or ""): read_csv_cell(row.get("reason") or "") for row in rows
    }
    too_long = max(map(len, reasons.values()), default=0) > _MAX_REASON_LENGTH
    if "id" not in header or any(None in row for row in rows) or too_long:
        raise _unreadable(path)
    return ExclusionList(name, reasons)


def _unreadable(path: Path) -> UserError:
    return UserError(
        f"{path.name} is not a readable list of faces: it needs a header with 'id' and 'reason', "
        "and quotes around a reason with a comma."
    )


def check_list_name(name: str) -> str:
    """Return the name, if it can be that of an exclusion list.

    Raises:
        UserError: it is not a plain name, or is `none`.
    """
    if name == NO_LIST:
        raise UserError(f"'{NO_LIST}' means no exclusion list: choose another name.")
    return check_name(name)


def exclude(dataset: FaceDataset, name: str, reasons: Mapping[str, str]) -> ExclusionList:
    """Add faces to a list, which is created if it does not exist; the first reason stays.

    Args:
        dataset: the data set the faces belong to.
        name: the list's name.
        reasons: id of a face → reason.

    Raises:
        UserError: the name is not a plain name, or is `none`; an id belongs to no face of the
            data set; or the list cannot be written.
    """
    check_list_name(name)
    dataset.without(reasons)
    path = _path(dataset.name, name)
    with _locked(dataset.name, name):
        previous = read_exclusions(path, name).reasons if path.exists() else {}
        changed = ExclusionList(name, {**previous, **reasons, **previous})
        _write(dataset.name, changed)
    return changed


def include(dataset: str, name: str, ids: Iterable[str]) -> ExclusionList:
    """Remove faces from a list; ids that are not on it are ignored.

    Raises:
        UserError: there is no such list.
    """
    included = set(ids)
    _existing(dataset, name)
    with _locked(dataset, name):
        reasons = load_exclusions(dataset, name).reasons
        remaining = {face: reason for face, reason in reasons.items() if face not in included}
        changed = ExclusionList(name, remaining)
        _write(dataset, changed)
    return changed


def remove_exclusions(dataset: str, name: str) -> None:
    """Delete a list.

    Raises:
        UserError: there is no such list, or its file cannot be deleted.
    """
    try:
        with _locked(dataset, name):
            _existing(dataset, name).unlink()
    except OSError as error:
        raise UserError(
            f"The list '{name}' cannot be removed: {error.strerror or error}."
        ) from error


@contextmanager
def _locked(dataset: str, name: str) -> Iterator[None]:
    """Let no other process change a list between its reading and its writing here."""
    folder = _folder(dataset)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(f"The list '{name}' cannot be written", error) from error
    with locked(folder / ".lock"):
        yield


def _write(dataset: str, exclusions: ExclusionList) -> None:
    path = _path(dataset, exclusions.name)
    try:
        write_text(path, exclusions.csv())
    except OSError as error:
        raise cannot_write(f"The list '{exclusions.name}' cannot be written", error) from error


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
