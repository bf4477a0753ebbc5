"""The configuration of a training run, shared by the form, the command line and the JSON.

Loads no keras.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from annotated_types import Unit
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator, model_validator

from models import ARCHITECTURES, ArchitectureName
from models.backbone import Backbone
from models.layers import Architecture
from pipeline.config.augmentation import Augmentation
from pipeline.data.exclusions import list_names
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

Monitor = Literal["val_accuracy", "val_macro_f1", "val_loss"]

OLD_NAMES = {"teacher_share": "distillation_weight"}
"""Names of fields in older versions' files and options → today's."""


def rename_old_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields under their present names, see `OLD_NAMES`."""
    return {OLD_NAMES.get(name, name): value for name, value in values.items()}


class TrainConfig(BaseModel):
    """A training run's configuration.

    Raises:
        pydantic.ValidationError: a value is not one of its choices or outside its range;
            `explain` turns it into one sentence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset: str = Field(description="whose faces the network learns from and is chosen by")
    exclude: tuple[str, ...] = Field(
        (), description="exclusion lists whose faces are left out, or none"
    )
    architecture: ArchitectureName = Field(
        "custom_cnn", description="the network: small and trained from scratch, or a large one"
    )
    model: SerializeAsAny[Architecture] = Field(description="the architecture's own fields")

    initial_model: str = Field(
        "none", description="model of the same network that the weights start from, or none"
    )

    epochs: int = Field(
        40,
        ge=1,
        le=10_000,
        description="passes over all training faces; more take longer and may fit better",
    )
    batch_size: Annotated[int, Unit("faces")] = Field(
        64,
        ge=1,
        le=4096,
        description="images per optimizer step; larger is faster and needs more memory",
    )
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        "adam", description="rule that changes the weights; sgd has Nesterov momentum 0.9"
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=10,
        description="the optimizer's largest steps; too large diverges, too small is slow",
    )
    schedule: Literal["plateau", "cosine", "constant"] = Field(
        "plateau", description="how the learning rate falls: at a plateau, along a cosine, or never"
    )
    warmup_epochs: int = Field(
        0,
        ge=0,
        le=100,
        description="first epochs, over which the learning rate rises linearly to its peak",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share by which each step shrinks the weights, decoupled; 0 = none",
    )
    ema_momentum: float = Field(
        0.0, ge=0, lt=1, description="momentum of the weights' moving average, 0 = no average"
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target spread evenly over all emotions, against overconfidence",
    )
    targets: Literal["labels", "votes", "blend"] = Field(
        "labels", description="what faces are trained toward: labels, FER+ votes, or both"
    )
    vote_share: float = Field(
        0.5, ge=0, le=1, description="what part of a blended target comes from the FER+ votes"
    )
    teacher: str = Field(
        "none",
        description="model whose probabilities for the same faces are learned, too (distillation), "
        "or none",
    )
    distillation_weight: float = Field(
        0.5, ge=0, le=1, description="share of the teacher's probabilities in a target"
    )
    class_weights: Literal["none", "sqrt", "balanced", "given"] = Field(
        "none",
        description="how much a face of an emotion counts: equally, by 1 / √faces, by 1 / faces, "
        "or as given; helps rare emotions and may cost accuracy",
    )
    given_weights: tuple[float, ...] = Field(
        (1.0,) * len(EMOTIONS), description=f"factor of the loss for {', '.join(EMOTIONS)}"
    )
    augmentation: Augmentation = Augmentation()
    mixup: float = Field(
        0.0,
        ge=0,
        le=10,
        description="alpha of the Beta distribution by which pairs of faces are blended, 0 = none",
    )

    monitor: Monitor = Field("val_accuracy", description="metric that the best epoch is chosen by")
    early_stopping_patience: Annotated[int, Unit("epochs")] = Field(
        10,
        ge=0,
        le=1000,
        description="epochs with no improvement after which training stops, 0 = never",
    )
    early_stopping_min_delta: float = Field(
        0.0, ge=0, description="smallest change that counts as an improvement for early stopping"
    )
    early_stopping_monitor: Literal["monitor", Monitor] = Field(
        "monitor", description="metric that early stopping monitors; 'monitor': the best epoch's"
    )
    plateau_patience: Annotated[int, Unit("epochs")] = Field(
        4,
        ge=1,
        le=1000,
        description="epochs with no improvement after which the learning rate is reduced",
    )
    plateau_factor: float = Field(
        0.5, gt=0, lt=1, description="what the learning rate is multiplied by at a plateau"
    )
    plateau_min_delta: float = Field(
        1e-4,
        ge=0,
        description="smallest change that counts as an improvement for the learning rate",
    )
    plateau_cooldown: Annotated[int, Unit("epochs")] = Field(
        0, ge=0, le=1000, description="epochs to wait after a reduction before counting again"
    )
    plateau_min_lr: float = Field(
        0.0, ge=0, le=10, description="value below which the learning rate is never reduced"
    )
    tensorboard: bool = Field(
        False, description="write the training curves for TensorBoard, in the run's folder"
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32",
        description="number format of the arithmetic; mixed is faster on some processors",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="start of the random numbers: equal seeds give equal runs",
    )

    @model_validator(mode="before")
    @classmethod
    def _fit_model_to_architecture(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = rename_old_fields(values)
        fields = values.get("model") or {}
        name = values.get("architecture", "custom_cnn")
        kind = ARCHITECTURES.get(name) if isinstance(name, str) else None
        if kind and isinstance(fields, dict):
            return {**values, "model": kind.model_validate(fields)}
        return {**values, "model": fields or ARCHITECTURES["custom_cnn"]()}

    @field_validator("exclude", mode="before")
    @classmethod
    def _parse_list_names(cls, value: Any) -> Any:
        """Take one name or None, as older versions stored it, too."""
        names = [value or ""] if isinstance(value, str | None) else value
        texts = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
        return list_names(names) if texts else value

    @field_validator("given_weights")
    @classmethod
    def _check_weights(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if len(weights) != len(EMOTIONS) or not all(0 < weight < math.inf for weight in weights):
            raise ValueError(
                f"should be {len(EMOTIONS)} positive numbers, for {', '.join(EMOTIONS)}"
            )
        return weights

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if type(self.model) is not ARCHITECTURES[self.architecture]:
            raise ValueError(f"model is not of architecture '{self.architecture}'")
        return self

    @property
    def stopping_monitor(self) -> Monitor:
        """The metric that early stopping watches."""
        monitor = self.early_stopping_monitor
        return self.monitor if monitor == "monitor" else monitor

    @property
    def may_stop_early(self) -> bool:
        """Whether early stopping can end the training before its last epoch."""
        return 0 < self.early_stopping_patience < self.total_epochs

    @property
    def head_epochs(self) -> int:
        """Epochs of the first phase, in which the head alone is trained."""
        if isinstance(self.model, Backbone) and not self.model.from_scratch:
            return self.model.head_epochs
        return 0

    @property
    def total_epochs(self) -> int:
        """Epochs of all phases."""
        return self.head_epochs + self.epochs


_PLAIN = {
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_parsing": "should be a number",
    "finite_number": "should be a finite number",
    "bool_parsing": "should be True or False",
}
"""Type of a pydantic error → its reason, where pydantic's own words are those of programmers."""


def explain(error: ValueError) -> UserError:
    """Turn a failed validation into one sentence with the field, the value and its choices."""
    details = getattr(error, "errors", None)
    if details is None:
        return UserError(str(error))
    first = details()[0]
    names = [part for part in first["loc"] if isinstance(part, str)]
    field = names[-1] if names else "configuration"
    if first["type"] == "missing":
        return UserError(f"The configuration lacks '{field}'.", field=field)
    if first["type"] == "extra_forbidden":
        return UserError(f"Unknown field '{field}' in the configuration: remove it.")
    if first["type"] == "too_short":
        return UserError(f"{field} is empty: give one value at least.", field=field)
    reason = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
    reason = _PLAIN.get(first["type"], reason)
    return UserError(
        f"{field} = {first['input']!r} is wrong: it {reason}.",
        on_page=f"{first['input']!r} is wrong: it {reason}.",
        field=field,
    )
