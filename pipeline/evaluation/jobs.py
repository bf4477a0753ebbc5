"""Evaluations, speeds and maps as the dashboard starts them."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.evaluation.face_map import PIXELS
from pipeline.jobs import Job
from pipeline.workspace import datasets_folder, evaluation_folder


@dataclass(frozen=True)
class EvaluationJob(Job):
    """The evaluation of a model on a split, without an exclusion list or all of it, by names."""

    model: str
    dataset: str
    fingerprint: str
    split: str
    exclude: str = ""

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        name = f"{self.model}-{self.fingerprint[:12]}-{self.split}"
        return evaluation_folder() / ".jobs" / (f"{name}-{self.exclude}" if self.exclude else name)

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        without = ["--exclude", self.exclude] if self.exclude else []
        return ["evaluate", self.model, "--dataset", self.dataset, "--split", self.split, *without]


@dataclass(frozen=True)
class SpeedJob(Job):
    """The measuring of how long a face takes some models, by their names."""

    models: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the job keeps its files: one at a time, so that none disturbs another."""
        return evaluation_folder() / ".jobs" / "speed"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["speed", *self.models]


@dataclass(frozen=True)
class MapJob(Job):
    """The map of a data set by a model's last features, each by its name, or by pixels."""

    dataset: str
    model: str = ""

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return _jobs_folder() / f"map-{self.dataset}@{self.model or PIXELS}"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["map", self.dataset, *(["--model", self.model] if self.model else [])]


def map_jobs(dataset: str) -> list[MapJob]:
    """Return the jobs that draw a map of a data set, or have failed to."""
    found = _jobs_folder().glob(f"map-{dataset}@*")
    return [MapJob(dataset, path.name.partition("@")[2].removesuffix(PIXELS)) for path in found]


def _jobs_folder() -> Path:
    return datasets_folder() / ".jobs"
