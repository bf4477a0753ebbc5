"""What the small files of a run hold."""

from typing import Literal

from pydantic import BaseModel

from pipeline.labels import EMOTIONS
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
    """What `status.json` holds: how far a run is. Epochs and steps count those finished."""

    state: State
    pid: int | None = None
    process_started: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    images_per_s: float | None = None
    eta_s: float | None = None
    parameters: int | None = None
    message: str = ""
