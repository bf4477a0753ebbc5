"""A command that the dashboard started: followed, and found again after a reload.

A job is a folder with `process.json`, `log` and `progress`. Whoever does the work clears it at
the end; while it stays without its process, the work has failed.
"""

import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.errors import UserError
from pipeline.processes import ProcessId, last_line, start_pipeline
from pipeline.workspace import write_json


class Job(ABC):
    """What imports and evaluations have in common."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where the job keeps its files."""

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""

    def start(self) -> None:
        """Start the command in a detached process, unless one is at it already.

        Raises:
            UserError: its files cannot be written; then nothing runs and nothing of it is left.
        """
        if self.running():
            return
        try:
            for left in ("log", "progress"):
                (self.folder / left).unlink(missing_ok=True)
            self._note(start_pipeline(self.command, self.folder / "log"))
        except OSError as error:
            self.clear()
            raise UserError(
                f"'{self.command[0]}' cannot start, its files in {self.folder} cannot be written "
                f"({error.strerror or error}): free some space there, or let it be written to."
            ) from error

    def _note(self, identity: ProcessId) -> None:
        try:
            write_json(self.folder / "process.json", identity.model_dump())
        except OSError:
            if process := identity.find():
                process.kill()  # nobody could find it again
            raise

    def process(self) -> psutil.Process | None:
        """Return the process while it lives."""
        try:
            text = (self.folder / "process.json").read_text()
            return ProcessId.model_validate_json(text).find()
        except (OSError, ValueError):
            return None

    def running(self) -> bool:
        """Whether the process lives."""
        return self.process() is not None

    def progress(self) -> float:
        """Return how much is done, 0 to 1."""
        try:
            return min(1.0, float((self.folder / "progress").read_text()))
        except (OSError, ValueError):
            return 0.0

    def report(self, fraction: float) -> None:
        """Note how much is done, if the work was started as a job and it can be noted."""
        with suppress(OSError):  # no reason to fail the work: a full disk, or it was cleared
            if self.folder.is_dir():
                (self.folder / "progress").write_text(f"{fraction:.3f}")

    def failure(self) -> str | None:
        """Return the last line that a failed process printed; None if none has failed."""
        if not self.folder.is_dir() or self.running():
            return None
        return last_line(self.folder / "log") or "The process ended without a word."

    def cancel(self) -> None:
        """Stop the work if it is under way, and forget the job; what was completed stays."""
        process = self.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(5)
        self.clear()

    def clear(self) -> None:
        """Forget the job; harmless if there is none."""
        shutil.rmtree(self.folder, ignore_errors=True)
