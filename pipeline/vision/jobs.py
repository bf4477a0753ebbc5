"""The recognition of a video as the dashboard starts it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.jobs import Job
from pipeline.vision.output import partial_path
from pipeline.workspace import write_text


@dataclass(frozen=True)
class VideoJob(Job):
    """The recognition of one video at a time in a folder of its viewer.

    Attributes:
        model: the model's name.
        source: the video.
        place: the folder, which exists, for what is made.
        detector: one of `DETECTORS`.
    """

    model: str
    source: Path
    place: Path
    detector: str = "haar"

    @property
    def target(self) -> Path:
        """The video with its faces drawn, once it is whole."""
        return self.place / "annotated.mp4"

    @property
    def table(self) -> Path:
        """The CSV of its faces, once it is whole."""
        return self.place / "faces.csv"

    @property
    def remark(self) -> Path:
        """A sentence on what was made, where there is something to be said of it."""
        return self.place / "remark.txt"

    @property
    def folder(self) -> Path:
        """Where the job keeps its files: beside what is made, so that the command finds it."""
        return self.place / ".video-job"

    @property
    def command(self) -> list[str]:
        """What follows `python -m pipeline`."""
        paths = (str(path.absolute()) for path in (self.source, self.target, self.table))
        source, target, table = paths
        return [
            "video", self.model, source, target, "--csv", table, "--detector", self.detector
        ]  # fmt: skip

    def start(self) -> None:
        """Start it as any job; what an earlier one made in this place is removed before.

        Raises:
            UserError: its files cannot be written.
        """
        if not self.running():
            with suppress(OSError):  # then the command says that they exist
                for made in (self.target, self.table, self.remark):
                    made.unlink(missing_ok=True)
        super().start()

    def say(self, remark: str) -> None:
        """Note a remark, if the work was started as a job and it can be noted."""
        with suppress(OSError):
            if self.folder.is_dir():
                write_text(self.remark, remark)

    def failure(self) -> str | None:
        """Return the last line that a failed process printed, without its viewer's folder."""
        failure = super().failure()
        return failure and failure.replace(f"{self.source.parent.absolute()}/", "")

    def clear(self) -> None:
        """Forget the job, and what a killed one has begun to write."""
        if self.folder.is_dir():  # else others may be writing there
            for made in (self.target, self.table):
                partial_path(made).unlink(missing_ok=True)
        super().clear()
