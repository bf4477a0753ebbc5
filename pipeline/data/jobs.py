"""An import as the dashboard starts it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.data.store import dataset_names, remove_abandoned
from pipeline.errors import UserError
from pipeline.jobs import Job
from pipeline.workspace import check_name, workspace


@dataclass(frozen=True)
class ImportJob(Job):
    """An import; the name is the new data set's, an uploaded file lies in the job's folder."""

    name: str
    source: str = ""
    ferplus: str = ""

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return _folder() / self.name

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        votes = ["--ferplus", self.ferplus] if self.ferplus else []
        return ["import", self.source, "--name", self.name, *votes]

    def cancel(self) -> None:
        """Stop the import if it runs, and leave nothing of it; an imported data set stays."""
        process = self.process()
        if process is not None:
            process.kill()
            process.wait(5)
        self.clear()
        remove_abandoned()


def start_import(
    name: str, source: Path | str, upload: BinaryIO | None = None, ferplus: Path | None = None
) -> None:
    """Start an import.

    Args:
        name: the new data set's name.
        source: what to import: a path or `sample`; with an upload, its file name.
        upload: the bytes of an uploaded file.
        ferplus: FER+ votes to join to a CSV's rows.

    Raises:
        UserError: the name is taken or not a plain name, or the upload cannot be written.
    """
    folder = _folder() / check_name(name)
    if name in dataset_names():
        raise UserError(f"The name '{name}' is taken: choose another.")
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UserError(f"An import named '{name}' is there already: see above.") from error
    try:
        if upload is not None:
            source = folder / Path(source).name
            with source.open("wb") as file:
                shutil.copyfileobj(upload, file)
        ImportJob(name, str(source), str(ferplus or "")).start()
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"The import cannot start: {error.strerror or error}.") from error


def import_jobs() -> list[ImportJob]:
    """Return the imports that run or have failed."""
    return [ImportJob(path.parent.name) for path in sorted(_folder().glob("*/process.json"))]


def _folder() -> Path:
    return workspace() / "imports"
