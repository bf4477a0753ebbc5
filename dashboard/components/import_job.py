"""Imports that the Dataset page starts: each a process of its own that outlives the page.

A job is a folder `imports/<name>/` of the workspace with `job.json`, `log` and the uploaded
files; it goes when the import has succeeded or its failure has been read.
"""

import os
import shutil
from pathlib import Path
from typing import BinaryIO, Literal

import psutil
from pydantic import BaseModel, ValidationError

from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.processes import start_pipeline
from pipeline.workspace import check_name, datasets_folder, workspace, write_json


class ImportJob(BaseModel):
    """An import under way or failed."""

    name: str
    source: str
    pid: int
    process_started: float

    @property
    def folder(self) -> Path:
        """Where the job's files are."""
        return _folder(self.name)

    def process(self) -> psutil.Process | None:
        """Return the importing process while it lives."""
        try:
            process = psutil.Process(self.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE
            return process if alive and process.create_time() == self.process_started else None
        except psutil.Error:
            return None

    def state(self) -> Literal["running", "done", "failed"]:
        """Return how the import stands."""
        if self.process() is not None:
            return "running"
        return "done" if self.name in dataset_names() else "failed"

    def message(self) -> str:
        """Return the last line the import printed: after a failure, why it failed."""
        try:
            lines = (self.folder / "log").read_text(errors="replace").split("\n")
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else "The import ended without a word: try again."

    def forget(self) -> None:
        """Stop the import if it runs, and remove the job's files; an imported data set stays."""
        process = self.process()
        if process is not None:
            process.kill()
            process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)
        for partial in datasets_folder().glob(f".import-{self.pid}-*"):
            shutil.rmtree(partial, ignore_errors=True)


def import_root() -> Path:
    """Return the folder below which paths may be imported: `$EMOTION_IMPORT_ROOT`."""
    return Path(os.environ.get("EMOTION_IMPORT_ROOT") or workspace()).expanduser().resolve()


def allowed_path(text: str) -> Path:
    """Return a path below the import root; relative ones count from there.

    Raises:
        UserError: it leads elsewhere.
    """
    root = import_root()
    path = (root / text.strip()).resolve()
    if not text.strip() or not path.is_relative_to(root):
        raise UserError(f"'{text}' is not below {root}, from where files may be imported.")
    return path


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
        UserError: the name is taken or not a plain name.
    """
    folder = _folder(check_name(name))
    if name in dataset_names():
        raise UserError(f"The name '{name}' is taken: choose another.")
    if (folder / "job.json").exists():
        raise UserError(f"An import named '{name}' is there already: see above.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if upload is not None:
            source = folder / Path(source).name
            with source.open("wb") as file:
                shutil.copyfileobj(upload, file)
        _launch(name, source, ferplus)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"The import cannot start: {error.strerror or error}.") from error


def _launch(name: str, source: Path | str, ferplus: Path | None) -> None:
    arguments = ["import", str(source), "--name", name]
    if ferplus is not None:
        arguments += ["--ferplus", str(ferplus)]
    process = start_pipeline(arguments, _folder(name) / "log")
    job = ImportJob(
        name=name,
        source=Path(source).name,
        pid=process.pid,
        process_started=psutil.Process(process.pid).create_time(),
    )
    write_json(job.folder / "job.json", job.model_dump())


def import_jobs() -> list[ImportJob]:
    """Return the imports that run or have failed; those that are done are cleared away."""
    jobs = []
    for path in sorted((workspace() / "imports").glob("*/job.json")):
        try:
            job = ImportJob.model_validate_json(path.read_text())
        except (OSError, ValidationError):
            continue
        if job.state() == "done":
            job.forget()
        else:
            jobs.append(job)
    return jobs


def _folder(name: str) -> Path:
    return workspace() / "imports" / name
