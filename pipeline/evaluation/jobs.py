"""An evaluation in a process of its own, as the dashboard starts it: found again after a reload.

A job is a folder in `workspace/evaluation/.jobs` with `process.json`, `progress` and `log`. It is
gone when the evaluation is stored; while it stays without its process, the evaluation failed.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.processes import start_pipeline
from pipeline.workspace import evaluation_folder, write_json


@dataclass(frozen=True)
class EvaluationJob:
    """The evaluation of a model on a split.

    Args:
        model: the model's name.
        dataset: the data set's name.
        fingerprint: the data set's fingerprint.
        split: the split's name.
    """

    model: str
    dataset: str
    fingerprint: str
    split: str

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return evaluation_folder() / ".jobs" / f"{self.model}-{self.fingerprint[:12]}-{self.split}"

    def start(self) -> None:
        """Evaluate in a detached process, unless one is doing so already."""
        if self.running():
            return
        self.clear()
        options = ["--dataset", self.dataset, "--split", self.split]
        process = start_pipeline(["evaluate", self.model, *options], self.folder / "log")
        try:
            started = psutil.Process(process.pid).create_time()
        except psutil.NoSuchProcess:
            started = 0.0
        write_json(self.folder / "process.json", {"pid": process.pid, "started": started})

    def running(self) -> bool:
        """Whether the process lives; a reused process id does not count."""
        try:
            known = json.loads((self.folder / "process.json").read_text())
            process = psutil.Process(known["pid"])
            ours = process.create_time() == known["started"]
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, KeyError, psutil.Error):
            return False

    def progress(self) -> float:
        """Return the share of faces recognised, 0-1."""
        try:
            return min(1.0, float((self.folder / "progress").read_text()))
        except (OSError, ValueError):
            return 0.0

    def report(self, fraction: float) -> None:
        """Note the share of faces recognised, if this evaluation was started as a job."""
        if self.folder.is_dir():
            (self.folder / "progress").write_text(f"{fraction:.3f}")

    def failure(self) -> str | None:
        """Return the last line that a failed process printed; None if none has failed."""
        if self.running() or not self.folder.is_dir():
            return None
        try:
            lines = (self.folder / "log").read_text(errors="replace").split("\n")
        except OSError:
            lines = []
        printed = [line.strip() for line in lines if line.strip()]
        return printed[-1] if printed else "The process ended without a word."

    def clear(self) -> None:
        """Forget the job; harmless if there is none."""
        shutil.rmtree(self.folder, ignore_errors=True)
