"""The records in the small files of a run."""

import math
import os
import socket
import time
from typing import Annotated, Any, Literal

import psutil
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    model_validator,
)

from pipeline.config.train_config import TrainConfig
from pipeline.jobs import ProcessId
from pipeline.labels import EMOTIONS
from pipeline.storage import valid_text

Count = Annotated[int, Field(ge=0, le=2**53)]
Measured = Annotated[
    float | None,
    AfterValidator(lambda value: value if value is not None and math.isfinite(value) else None),
]
"""None where it is not a finite number, as a loss may be."""

Kind = Literal["trained", "imported", "ensemble"]
"""Where the model of a run comes from."""

StoredState = Literal["queued", "running", "finished", "stopped", "failed"]
RunState = Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]
"""`interrupted` is never stored: it is a running state whose process is gone."""

HEARTBEAT_S = 5.0
"""How often a running process writes its run's heartbeat, at the least."""

LOST_AFTER_S = 30.0
"""The age of a heartbeat from which a process on another machine counts as gone."""


class Exclusion(BaseModel):
    """The exclusion list of a run, or several in one, whose name is then `a,b`.

    The run's `exclusions.csv` is a copy of it.
    """

    name: str
    faces: int
    fingerprint: str


class ImportedModel(BaseModel):
    """Where an imported model comes from, and how its input and outputs were understood.

    Args:
        file: the name of the source file or folder.
        sha256: of its content.
        framework: of the file, such as `Keras`.
        input: of the source model, such as `float32 (n, 64, 64, 1)`.
        scale: the preprocessing, one of `SCALES` of `pipeline.registry.preprocessing`.
        labels: the classes of the source model in its order; those that are no emotion are dropped.
        dataset: the data set that preprocessing and order were tried on; empty for none.
    """

    file: str
    sha256: str
    framework: str
    input: str
    scale: str
    labels: tuple[str, ...]
    dataset: str = ""


class EnsembleMembers(BaseModel):
    """The models whose probabilities an ensemble averages.

    Args:
        models: their names when it was made.
        weights: the share of each, which sum to 1.
        dataset: the data set that the first one was chosen on.
        seed: of the trained ones, which draws that data set's held-out tenth if it has one.
        same_held_out: whether no trained one was fitted on faces of that tenth, because all have
            the same seed and data set.
    """

    models: tuple[str, ...]
    weights: tuple[float, ...]
    dataset: str = ""
    seed: int = 0
    same_held_out: bool = True


class RunConfig(BaseModel):
    """The content of `config.json`.

    Args:
        kind: where the model comes from; the field of that name holds the details, for a trained
            one `train`.
        train: the training's configuration; None for other kinds, see `Run.train_config`.
        imported: the source of an imported model.
        ensemble: the members of an ensemble.
        dataset_fingerprint: of the data set that the model was trained on, tried on or chosen on;
            empty for none.
        synthetic: whether its faces are drawn by `pipeline.data.sample`.
        exclusion: the exclusion list, if there is one.
        emotions: the classes, in the order of the outputs.
        input_shape: of the model, without the batch.
        versions: package → version that the run was created with.
        extended_from_epoch: finished epochs when the run was last given more epochs.
    """

    kind: Kind = "trained"
    train: TrainConfig | None = None
    imported: ImportedModel | None = None
    ensemble: EnsembleMembers | None = None
    dataset_fingerprint: str
    synthetic: bool = False
    exclusion: Exclusion | None = None
    emotions: tuple[str, ...] = EMOTIONS
    input_shape: tuple[int, int, int] = (48, 48, 1)
    versions: dict[str, str] = {}
    extended_from_epoch: int = Field(
        0, validation_alias=AliasChoices("extended_from_epoch", "extended_at")
    )

    @model_validator(mode="before")
    @classmethod
    def _check_details(cls, values: Any) -> Any:
        if isinstance(values, dict):
            kind = values.get("kind", "trained")
            details = "train" if kind == "trained" else kind
            if values.get(details) is None:
                raise ValueError(f"{details}: Field required")
        return values

    @property
    def architecture(self) -> str:
        """The network's name; the kind where it was not trained here."""
        return self.train.architecture if self.train else self.kind

    @property
    def dataset(self) -> str:
        """The data set's name at that time; empty for none."""
        source = self.train or self.imported or self.ensemble
        return source.dataset if source else ""

    @property
    def seed(self) -> int:
        """The seed that draws a held-out tenth of the data set."""
        source = self.train or self.ensemble
        return source.seed if source else 0


def evaluation_name(fingerprint: str, split: str, exclusion: str = "") -> str:
    """Return the name of an evaluation's folder.

    Args:
        fingerprint: the data set's.
        split: the split's name.
        exclusion: the exclusion list's fingerprint; empty for all faces of the split.
    """
    name = f"{fingerprint[:12]}-{split}"
    return f"{name}-{exclusion[:8]}" if exclusion else name


class Status(BaseModel):
    """The content of `status.json`.

    Args:
        state: as stored; see `current_state`.
        queued_at: orders queued runs; seconds since 1970, or a time between those of other runs
            if it was moved.
        pid: of the training process.
        process_started: its start time, see `ProcessId`.
        engine: what the queue gave it to, a key of `ENGINES`.
        job: what that engine knows it by; empty for a process of this machine.
        address: of the engine's cluster; empty for a process of this machine.
        host: the machine that it runs on; empty for this one, as older versions wrote it.
        heartbeat: when it last wrote this file, seconds since 1970 by its machine's clock.
        epoch: finished epochs.
        epochs: epochs in all.
        step: finished steps of the current epoch.
        steps: steps per epoch.
        loss: of the current epoch so far, on training faces.
        accuracy: of the current epoch so far, 0 to 1.
        images_per_s: training throughput.
        eta_s: seconds until the end.
        parameters: of the network.
        stopped_early: whether early stopping ended the training.
        message: a sentence for people, such as why the run failed, or that it has collapsed.
    """

    state: StoredState
    queued_at: FiniteFloat = 0.0
    pid: Count | None = None
    process_started: Measured = None
    engine: str = "local"
    job: str = ""
    address: str = ""
    host: str = ""
    heartbeat: FiniteFloat = 0.0
    epoch: Count = 0
    epochs: Count = 0
    step: Count = 0
    steps: Count = 0
    loss: Measured = None
    accuracy: Measured = None
    images_per_s: Measured = None
    eta_s: Measured = None
    parameters: Count | None = None
    message: str = ""
    stopped_early: bool = False

    def elsewhere(self) -> bool:
        """Return whether the process belongs to another machine, which shares the workspace."""
        return self.host not in ("", socket.gethostname())

    def of_this_process(self) -> bool:
        """Return whether this process trains the run, or was the last to do so."""
        return self.pid == os.getpid() and not self.elsewhere()

    def process(self) -> psutil.Process | None:
        """Return the living process of this machine that trains the run.

        A reused process id does not count.
        """
        if self.state != "running" or self.pid is None or self.elsewhere():
            return None
        return ProcessId(pid=self.pid, started=self.process_started or 0.0).find()

    def alive(self) -> bool:
        """Return whether a process trains the run; on another machine, by its heartbeat."""
        if self.state == "running" and self.elsewhere():
            return abs(time.time() - self.heartbeat) < LOST_AFTER_S
        return self.process() is not None

    def current_state(self) -> RunState:
        """Return the state; a running one whose process is gone is `interrupted`."""
        return "interrupted" if self.state == "running" and not self.alive() else self.state


class Calibration(BaseModel):
    """The content of `calibration.json`.

    Args:
        temperature: that the logits are divided by.
        dataset: it was fitted on.
        fingerprint: of that data set.
        split: of that data set.
        faces: how many.
    """

    model_config = ConfigDict(frozen=True)

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    dataset: str
    fingerprint: str
    split: str
    faces: int


class Speed(BaseModel):
    """The content of `speed.json`: the time per face and how it was measured.

    Args:
        ms: median of single faces, milliseconds.
        p95_ms: 95th percentile, milliseconds.
        threads: CPU threads used.
        precision: of the arithmetic, see `Recognizer.load`.
        processor: name of the CPU.
        measured: date and time, UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True)

    ms: Annotated[FiniteFloat, Field(gt=0)]
    p95_ms: FiniteFloat
    threads: Count
    precision: str
    processor: str
    measured: str


Text = Annotated[str, BeforeValidator(lambda v: valid_text(v) if isinstance(v, str) else v)]


class Notes(BaseModel):
    """The content of `notes.json`.

    Args:
        name: that a person gave it; empty for its default, see `pipeline.runs.names`.
        note: free text.
        tags: short words to find runs by.
        experiment: the experiment that the run belongs to; empty for none.
    """

    model_config = ConfigDict(frozen=True)

    name: Text = ""
    note: Text = ""
    tags: tuple[Text, ...] = ()
    experiment: Text = ""
