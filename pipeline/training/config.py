"""Everything a training run is made from. The form, the command line and the JSON follow it.

Loads no keras.
"""

import math
from typing import Annotated, Any, Literal, Self

from annotated_types import Unit
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    field_validator,
    model_validator,
)

from models import ARCHITECTURES, Architecture
from models.backbone import Backbone
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.training.augmentation import Augmentation

Monitor = Literal["val_accuracy", "val_macro_f1", "val_loss"]


class TrainConfig(BaseModel):
    """A training run's configuration.

    Raises:
        pydantic.ValidationError: a value is none of its choices or outside its range;
            `explain` makes one sentence of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    dataset: str = Field(description="data set to train on")
    exclude: str | None = Field(
        None, description="exclusion list whose faces are left out, or none"
    )
    architecture: Literal["custom_cnn", "vgg16", "resnet50v2"] = Field(
        "custom_cnn", description="network"
    )
    model: SerializeAsAny[Architecture] = Field(description="the architecture's own fields")

    epochs: int = Field(40, ge=1, le=10_000, description="passes over the training faces")
    batch_size: Annotated[int, Unit("faces")] = Field(64, ge=1, le=4096, description="faces a step")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        "adam", description="how weights follow gradients; sgd has Nesterov momentum 0.9"
    )
    learning_rate: float = Field(1e-3, gt=0, le=10, description="largest learning rate")
    schedule: Literal["plateau", "cosine", "constant"] = Field(
        "plateau",
        description="how the learning rate falls: without progress, along a cosine, or never",
    )
    warmup_epochs: int = Field(0, ge=0, le=100, description="epochs in which the rate rises first")
    weight_decay: float = Field(0.0, ge=0, le=1, description="decoupled weight decay, 0 = none")
    ema_momentum: float = Field(
        0.0, ge=0, lt=1, description="momentum of the weights' moving average, 0 = no average"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread evenly")
    targets: Literal["labels", "votes", "blend"] = Field(
        "labels", description="what faces are trained towards: labels, FER+ votes, or both"
    )
    vote_share: float = Field(0.5, ge=0, le=1, description="share of the votes in a blend")
    teacher: str = Field(
        "none", description="model whose probabilities for the same face are blended in, or none"
    )
    teacher_share: float = Field(
        0.5, ge=0, le=1, description="share of the teacher's probabilities in a target"
    )
    class_weights: Literal["none", "sqrt", "balanced", "given"] = Field(
        "none",
        description="how much errors count: alike, by 1 / √faces, by 1 / faces, or as given",
    )
    given_weights: tuple[float, ...] = Field(
        (1.0,) * len(EMOTIONS), description=f"weights of {', '.join(EMOTIONS)}"
    )
    augmentation: Augmentation = Augmentation()
    mixup: float = Field(
        0.0, ge=0, le=10, description="alpha of the mixing of faces in pairs, 0 = no mixing"
    )

    monitor: Monitor = Field("val_accuracy", description="what the best epoch is chosen by")
    early_stopping_patience: Annotated[int, Unit("epochs")] = Field(
        10, ge=0, le=1000, description="epochs without progress before the end, 0 = never"
    )
    early_stopping_monitor: Literal["monitor", Monitor] = Field(
        "monitor",
        description="whose progress early stopping waits for; 'monitor': the best epoch's",
    )
    plateau_patience: Annotated[int, Unit("epochs")] = Field(
        4, ge=1, le=1000, description="epochs without progress before the rate falls"
    )
    plateau_factor: float = Field(0.5, gt=0, lt=1, description="what the rate is multiplied by")
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="arithmetic of the training"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="seed of weights, order and augmentation")

    @model_validator(mode="before")
    @classmethod
    def _fit_model_to_architecture(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        fields = values.get("model") or {}
        kind = ARCHITECTURES.get(values.get("architecture", "custom_cnn"))
        if kind and isinstance(fields, dict):
            return {**values, "model": kind.model_validate(fields)}
        return {**values, "model": fields or ARCHITECTURES["custom_cnn"]()}

    @field_validator("exclude", mode="before")
    @classmethod
    def _take_none_for_no_list(cls, value: Any) -> Any:
        return None if value in ("", "none") else value

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
        """What early stopping watches."""
        watched = self.early_stopping_monitor
        return self.monitor if watched == "monitor" else watched

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


def explain(error: ValueError) -> UserError:
    """Turn a failed validation into one sentence with the field, the value and its choices."""
    details = getattr(error, "errors", None)
    if details is None:
        return UserError(str(error))
    first = details()[0]
    names = [part for part in first["loc"] if isinstance(part, str)]
    field = names[-1] if names else "configuration"
    if first["type"] == "missing":
        return UserError(f"The configuration lacks '{field}'.")
    if first["type"] == "extra_forbidden":
        return UserError(f"Unknown field '{field}' in the configuration: take it out.")
    if first["type"] == "too_short":
        return UserError(f"{field} is empty: give one value at least.")
    reason = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return UserError(f"{field} = {first['input']!r} is wrong: it {reason}.")
