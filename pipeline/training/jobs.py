"""Estimates as the dashboard starts them. Loads no keras."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.jobs import Job
from pipeline.processes import last_line
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import estimates_folder
from pipeline.workspace import write_text


@dataclass(frozen=True)
class EstimateJob(Job):
    """An estimate.

    Args:
        key: the configuration's `cost_key`.
        config: the configuration; not known of a job found again.
    """

    key: str
    config: TrainConfig | None = None

    @property
    def folder(self) -> Path:
        """Where the job keeps its files."""
        return _folder() / self.key

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        return ["estimate", "--config", str(self.folder / "config.json"), "--again"]

    def start(self) -> None:
        """Start the estimate of the configuration, unless it is under way already.

        Raises:
            UserError: its files cannot be written.
        """
        if self.config is not None:
            with suppress(OSError):  # what follows cannot write there either, and says so
                self.folder.mkdir(parents=True, exist_ok=True)
                write_text(self.folder / "config.json", self.config.model_dump_json())
        super().start()

    def failure(self) -> str | None:
        """Return why the estimate has failed; None if it has not."""
        failure = super().failure()
        if failure is None or last_line(self.folder / "log").endswith("."):
            return failure
        # A mistake ends in a sentence, a process that was killed in whatever it printed last.
        return (
            "The estimate broke off, perhaps for want of memory: take a smaller batch, input "
            "size or network."
        )


def running_estimate() -> EstimateJob | None:
    """Return an estimate that is under way, of whichever configuration."""
    found = (EstimateJob(path.parent.name) for path in _folder().glob("*/process.json"))
    return next((job for job in found if job.running()), None)


def _folder() -> Path:
    return estimates_folder() / ".jobs"
