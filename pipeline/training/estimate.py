"""What a training will cost, as far as a few of its steps tell; kept in the workspace.

Loads no keras; `measuring` does the steps.
"""

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
from pydantic import BaseModel, ConfigDict, computed_field

from models.backbone import Backbone
from pipeline.data.dataset import HELD_OUT, FaceDataset
from pipeline.errors import UserError
from pipeline.runs import list_runs
from pipeline.runs.index import VERSIONED
from pipeline.training.config import TrainConfig
from pipeline.workspace import workspace, write_text

_FREE = {
    *("dataset", "exclude", "seed", "epochs", "learning_rate", "schedule", "warmup_epochs"),
    *("weight_decay", "label_smoothing", "targets", "vote_share", "teacher_share"),
    *("class_weights", "given_weights", "monitor", "early_stopping_patience"),
    *("early_stopping_monitor", "plateau_patience", "plateau_factor"),
    *("rotation", "zoom", "shift", "flip"),
    *("weights", "head_learning_rate", "dropout", "kernel_initializer"),
}
"""Fields that leave the cost of an epoch as it is. One that is named nowhere changes it."""

_SWITCHES = {"head_epochs", "ema_momentum", "mixup", "brightness", "contrast", "erasing"}
"""Fields that cost something as soon as they are not 0, and then always the same."""


class Layer(BaseModel):
    """A layer of a network.

    Args:
        name: its name in the network, or in the backbone.
        kind: its class, such as `Conv2D`.
        output_shape: without the batch.
        parameters: trained or not.
        multiply_adds: those of its convolution or matrix product, for one face; 0 where it has
            none.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int


class Estimate(BaseModel):
    """What a training costs on this machine. Export and evaluation at its end are not in it.

    Args:
        parameters: of the network.
        trainable_parameters: those that the main phase trains.
        multiply_adds: of one forward pass of one face.
        layers: from the first to the last, a backbone's own among them.
        images_per_s: training faces a second in the main phase.
        epoch_s: seconds an epoch of the main phase takes, its validation included.
        head_epoch_s: the same where the head alone is trained; None without such a phase.
        start_s: seconds from the process's start to the end of its first step.
        memory: bytes of main memory the process takes at most; not those of a GPU.
        disk: bytes the run takes at most, while its state is replaced; afterwards it is about
            half of that.
        beside_training: whether a training ran on this machine while the steps were measured.
        epochs: epochs of the main phase to reckon with.
        head_epochs: epochs of the first phase to reckon with.
    """

    model_config = ConfigDict(frozen=True)

    parameters: int
    trainable_parameters: int
    multiply_adds: int
    layers: tuple[Layer, ...]
    images_per_s: float
    epoch_s: float
    head_epoch_s: float | None
    start_s: float
    memory: int
    disk: int
    beside_training: bool
    epochs: int
    head_epochs: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total_s(self) -> float:
        """Seconds from the start to the end of the last epoch, unless early stopping ends it."""
        head = self.head_epochs * (self.head_epoch_s or 0.0)
        return self.start_s + head + self.epochs * self.epoch_s


class Room(NamedTuple):
    """Bytes that are there for a training: of main memory, and of disk in the workspace."""

    memory: int
    disk: int


def room() -> Room:
    """Return the memory and the disk that are available now."""
    existing = next(path for path in (workspace(), *workspace().parents) if path.exists())
    return Room(psutil.virtual_memory().available, shutil.disk_usage(existing).free)


def training_now() -> bool:
    """Tell whether a training of this workspace is running, which slows others down."""
    return any(run.state() == "running" for run in list_runs())


def cost_key(config: TrainConfig, dataset: FaceDataset) -> str:
    """Return what names the cost of an epoch: the same for configurations that cost the same.

    Args:
        config: the configuration.
        dataset: its data set without the faces it leaves out.

    Raises:
        UserError: there are no faces to train on, or to choose the epoch on.
    """
    parts = (config, config.model, config.augmentation)
    fields = {
        name: bool(value) if name in _SWITCHES else value
        for part in parts
        for name, value in part.model_dump(exclude=_FREE | {"model", "augmentation"}).items()
    }
    if isinstance(config.model, Backbone):
        fields["from_scratch"] = config.model.from_scratch
        fields["head_epochs"] = config.head_epochs > 0
    split = dataset.choosing_split()
    content = {
        "fields": fields,
        "training_faces": len(dataset.indices("train")),
        "choosing_faces": None if split == HELD_OUT else len(dataset.indices(split)),
        "versions": {package: version(package) for package in VERSIONED},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def kept_estimate(key: str, config: TrainConfig) -> Estimate | None:
    """Return the estimate that was kept of configurations that cost the same, if it is readable.

    Args:
        key: the configuration's `cost_key`.
        config: says how many epochs to reckon with.
    """
    try:
        kept = Estimate.model_validate_json(_path(key).read_text())
    except (OSError, ValueError):
        return None
    epochs = {"epochs": config.epochs, "head_epochs": config.head_epochs}
    return kept.model_copy(update=epochs)


def keep_estimate(key: str, estimate: Estimate) -> None:
    """Keep an estimate for `kept_estimate`.

    Raises:
        UserError: it cannot be written.
    """
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, estimate.model_dump_json(indent=2))
    except OSError as error:
        raise UserError(
            f"The estimate cannot be kept in {path.parent} ({error.strerror or error}): free some "
            "space there, or let it be written to."
        ) from error


def estimates_folder() -> Path:
    """Return the folder of the kept estimates."""
    return workspace() / "estimates"


def _path(key: str) -> Path:
    return estimates_folder() / f"{key}.json"
