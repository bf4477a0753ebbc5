"""An evaluation as the dashboard starts it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.jobs import Job
from pipeline.workspace import evaluation_folder


@dataclass(frozen=True)
class EvaluationJob(Job):
    """The evaluation of a model on a split, each by its name."""

    model: str
    dataset: str
    fingerprint: str
    split: str

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return evaluation_folder() / ".jobs" / f"{self.model}-{self.fingerprint[:12]}-{self.split}"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["evaluate", self.model, "--dataset", self.dataset, "--split", self.split]
