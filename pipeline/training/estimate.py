"""Cost estimates of a training: measured by `profiler`, cached in the workspace.

Loads no keras.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import psutil
from pydantic import BaseModel, ConfigDict, computed_field

from models.backbone import Backbone
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import HELD_OUT, FaceDataset
from pipeline.installation import package_version
from pipeline.runs import list_runs
from pipeline.runs.store import VERSIONED
from pipeline.storage import cannot_write, write_text
from pipeline.workspace import workspace

_COST_FREE = set(
    "dataset exclude seed epochs learning_rate schedule warmup_epochs weight_decay label_smoothing "
    "targets vote_share distillation_weight class_weights given_weights monitor "
    "early_stopping_patience early_stopping_min_delta early_stopping_monitor plateau_patience "
    "plateau_factor plateau_min_delta plateau_cooldown plateau_min_lr rotation zoom shift flip "
    "weights initial_model head_learning_rate dropout kernel_initializer tensorboard".split()
)
"""Fields that do not change the cost of an epoch; all others do."""

_COST_IF_NONZERO = {"head_epochs", "ema_momentum", "mixup", "brightness", "contrast", "erasing"}
"""Fields that cost something if they are not 0, whatever their value."""


class Layer(BaseModel):
    """A layer of a network.

    Args:
        name: its name in the network, or in the backbone.
        kind: its class, such as `Conv2D`.
        output_shape: without the batch.
        parameters: trainable or not.
        multiply_adds: of its convolution or matrix product, for one face; 0 for other layers.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int


class Estimate(BaseModel):
    """The cost of a training on this machine, without the export and evaluation at its end.

    Args:
        parameters: of the network.
        trainable_parameters: those that the main phase trains.
        multiply_adds: of one forward pass of one face.
        layers: from the first to the last, a backbone's own among them.
        images_per_s: training faces per second in the main phase.
        epoch_s: seconds of an epoch of the main phase, its validation included.
        head_epoch_s: the same for the phase that trains the head alone; None without one.
        start_s: seconds from the process's start to the end of its first step.
        memory: peak main memory of the process in bytes, without that of a GPU.
        disk: peak bytes of the run, while its checkpoint is replaced; afterwards about half.
        beside_training: whether a training ran on this machine during the measurement.
        epochs: epochs of the main phase.
        head_epochs: epochs of the first phase.
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


class AvailableResources(NamedTuple):
    """Bytes that are available to a training: of main memory, and of disk in the workspace."""

    memory: int
    disk: int


def available_resources() -> AvailableResources:
    """Return the memory and the disk that are available now."""
    existing = next(path for path in (workspace(), *workspace().parents) if path.exists())
    return AvailableResources(psutil.virtual_memory().available, shutil.disk_usage(existing).free)


def training_now() -> bool:
    """Return whether a training of this workspace runs on this machine, which slows down others."""
    return any(run.process() for run in list_runs())


def cost_key(config: TrainConfig, dataset: FaceDataset) -> str:
    """Return a key of the cost of an epoch: the same for configurations that cost the same.

    Args:
        config: the configuration.
        dataset: its data set without the excluded faces.

    Raises:
        UserError: there are no faces to train on, or to choose the epoch on.
    """
    parts = (config, config.model, config.augmentation)
    fields = {
        name: bool(value) if name in _COST_IF_NONZERO else value
        for part in parts
        for name, value in part.model_dump(exclude=_COST_FREE | {"model", "augmentation"}).items()
    }
    if isinstance(config.model, Backbone):
        fields["from_scratch"] = config.model.from_scratch
        fields["head_epochs"] = config.head_epochs > 0
    split = dataset.choosing_split()
    content = {
        "fields": fields,
        "training_faces": len(dataset.indices("train")),
        "choosing_faces": None if split == HELD_OUT else len(dataset.indices(split)),
        "versions": {package: package_version(package) for package in VERSIONED},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def load_estimate(key: str, config: TrainConfig) -> Estimate | None:
    """Return the cached estimate of configurations that cost the same, if it is readable.

    Args:
        key: the configuration's `cost_key`.
        config: whose epochs the estimate is for.
    """
    try:
        path = estimates_folder() / f"{key}.json"
        cached = Estimate.model_validate_json(path.read_text())
    except (OSError, ValueError):
        return None
    epochs = {"epochs": config.epochs, "head_epochs": config.head_epochs}
    return cached.model_copy(update=epochs)


def save_estimate(key: str, estimate: Estimate) -> None:
    """Cache an estimate for `load_estimate`.

    Raises:
        UserError: it cannot be written.
    """
    path = estimates_folder() / f"{key}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, estimate.model_dump_json(indent=2))
    except OSError as error:
        raise cannot_write(f"The estimate cannot be saved in {path.parent}", error) from error


def estimates_folder() -> Path:
    """Return the folder of the cached estimates."""
    return workspace() / "estimates"
