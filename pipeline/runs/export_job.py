"""The export of a run as the dashboard starts it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.jobs import Job
from pipeline.workspace import runs_folder


@dataclass(frozen=True)
class ExportJob(Job):
    """The export of a run's model to OpenVINO, by the run's name."""

    run: str

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return runs_folder() / ".jobs" / f"export-{self.run}"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["export", self.run]
