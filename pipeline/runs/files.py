"""What the small files of a run hold."""

from typing import Annotated, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field

from pipeline.labels import EMOTIONS
from pipeline.processes import ProcessId
from pipeline.training.config import TrainConfig

State = Literal["queued", "running", "finished", "stopped", "failed"]
ShownState = Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]


class Exclusion(BaseModel):
    """Which exclusion list a run left out.

    The list itself, as it was when the run was made, is the run's `exclusions.csv`.
    """

    name: str
    faces: int
    fingerprint: str


class RunConfig(BaseModel):
    """What `config.json` holds: the configuration and what it was used on and with.

    `extended_at` counts the epochs that were finished when the run was last given more.
    """

    train: TrainConfig
    dataset_fingerprint: str
    exclusion: Exclusion | None = None
    emotions: tuple[str, ...] = EMOTIONS
    input_shape: tuple[int, int, int] = (48, 48, 1)
    versions: dict[str, str] = {}
    extended_at: int = 0


def evaluation_name(fingerprint: str, split: str, exclusion: str = "") -> str:
    """Return the name of the folder that an evaluation lies in.

    Args:
        fingerprint: the data set's.
        split: the split's name.
        exclusion: the fingerprint of the exclusion list; empty for all faces of the split.
    """
    name = f"{fingerprint[:12]}-{split}"
    return f"{name}-{exclusion[:8]}" if exclusion else name


class Status(BaseModel):
    """What `status.json` holds: how far a run is. Epochs and steps count those finished.

    `queued_at` orders those that wait: when it was queued, in seconds since 1970, or what moving
    it made of that. `loss` and `accuracy` are those of the epoch under way, on training faces.
    """

    state: State
    queued_at: float = 0.0
    pid: int | None = None
    process_started: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    accuracy: float | None = None
    images_per_s: float | None = None
    eta_s: float | None = None
    parameters: int | None = None
    message: str = ""

    def process(self) -> psutil.Process | None:
        """Return the living process that trains the run; a reused process id does not count."""
        if self.state != "running" or self.pid is None:
            return None
        return ProcessId(pid=self.pid, started=self.process_started or 0.0).find()

    def shown(self) -> ShownState:
        """Return the state to show: a running one whose process is gone is `interrupted`."""
        gone = self.state == "running" and self.process() is None
        return "interrupted" if gone else self.state


class Calibration(BaseModel):
    """What `calibration.json` holds: the temperature, and the faces it was fitted on."""

    model_config = ConfigDict(frozen=True)

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    dataset: str
    fingerprint: str
    split: str
    faces: int


class Speed(BaseModel):
    """What `speed.json` holds: how long one face takes, in milliseconds, and on what.

    Args:
        ms: the median of single faces.
        p95_ms: what 95 of 100 faces stay below.
        threads: processor threads used.
        precision: of the arithmetic, see `Recognizer.load`.
        processor: its name.
        measured: when, in UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True)

    ms: Annotated[float, Field(gt=0)]
    p95_ms: float
    threads: int
    precision: str
    processor: str
    measured: str


class Notes(BaseModel):
    """What `notes.json` holds: what people wrote about a run.

    Args:
        name: the name to show in place of the run's own; empty for that.
        note: free text.
        tags: short words to find runs by.
        experiment: the name that the runs of one experiment share; empty for none.
    """

    model_config = ConfigDict(frozen=True)

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    experiment: str = ""
