"""Imports and audits as the dashboard starts them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.data.store import dataset_names, remove_abandoned
from pipeline.errors import UserError
from pipeline.jobs import Job
from pipeline.workspace import check_name, datasets_folder, workspace


class Upload(Protocol):
    """A file that came from a browser, as Streamlit gives it."""

    @property
    def name(self) -> str:
        """What it was called there."""
        ...

    def getbuffer(self) -> memoryview:
        """Return all its bytes."""
        ...


@dataclass(frozen=True)
class ImportJob(Job):
    """An import.

    Args:
        name: the new data set's.
        arguments: the source and the options of the command; not known of a job found again.
    """

    name: str
    arguments: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return _folder() / self.name

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["import", *self.arguments, "--name", self.name]

    def cancel(self) -> None:
        """Stop the import if it runs, and leave nothing of it; an imported data set stays."""
        super().cancel()
        remove_abandoned()


@dataclass(frozen=True)
class AuditJob(Job):
    """The audit of a data set.

    Args:
        name: the data set's.
    """

    name: str

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return datasets_folder() / ".jobs" / f"audit-{self.name}"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["audit", self.name]


def start_import(
    name: str,
    source: str | Path | Upload,
    *,
    ferplus: Path | Upload | None = None,
    skip_unknown: bool = False,
    split: str = "train",
) -> None:
    """Start an import.

    Args:
        name: the new data set's name.
        source: what to import: a path, `sample`, `kaggle:owner/name` or an uploaded file.
        ferplus: FER+ votes to join to a CSV's rows.
        skip_unknown: pass over class folders that name no emotion.
        split: where pictures go that lie below no split's folder.

    Raises:
        UserError: the name is taken or not a plain name, or the files cannot be written.
    """
    folder = _folder() / check_name(name)
    if name in dataset_names():
        raise UserError(f"The name '{name}' is taken: choose another.")
    if (folder / "process.json").exists():
        raise UserError(f"An import named '{name}' is there already: see above.")
    shutil.rmtree(folder, ignore_errors=True)  # left by a start that was cut off
    options = ["--split", split, *(["--skip-unknown"] if skip_unknown else [])]
    try:
        if ferplus is not None:
            options += ["--ferplus", _path_of(ferplus, folder / "votes")]
        ImportJob(name, (_path_of(source, folder / "source"), *options)).start()
    except UserError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _path_of(source: str | Path | Upload, folder: Path) -> str:
    """Return where a source lies; an uploaded file is written into the folder first."""
    if isinstance(source, (str, Path)):
        return str(source)
    path = folder / Path(source.name).name
    try:
        path.parent.mkdir(parents=True)
        path.write_bytes(source.getbuffer())
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be kept in {workspace()} ({error.strerror}): free some space "
            "there, or choose another folder by EMOTION_WORKSPACE."
        ) from error
    return str(path)


def import_jobs() -> list[ImportJob]:
    """Return the imports that run or have failed."""
    return [ImportJob(path.parent.name) for path in sorted(_folder().glob("*/process.json"))]


def _folder() -> Path:
    return workspace() / "imports"
