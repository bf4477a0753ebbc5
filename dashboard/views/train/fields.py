"""The fields of the training form: labels, bounds, choices, and when each one applies."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, Unit
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dashboard import resources
from models import ARCHITECTURES
from models.backbone import Backbone
from pipeline.config.augmentation import Augmentation
from pipeline.config.conditions import unmet_condition
from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclusion_names
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError

Values = dict[str, Any]
"""Field → value for the fields known so far, nested as `TrainConfig.model_validate` takes them:
those of the architecture below `model`, those of augmentation below `augmentation`."""

ACCEPTS_NEW = ("weights", "teacher", "initial_model")
"""Fields that also accept a value that is not among their choices."""

_SPELLING = {
    "dataset": "data set",
    "ema": "EMA",
    "lr": "learning rate",
    "tensorboard": "TensorBoard",
}


@dataclass(frozen=True)
class FormField:
    """A field of the form.

    Args:
        name: its name in the code.
        info: its pydantic field.
        owner: the pydantic model that it is a field of.
        part: the field of TrainConfig that holds the owner; empty for TrainConfig's own fields.
    """

    name: str
    info: FieldInfo
    owner: type[BaseModel]
    part: str = ""

    @property
    def key(self) -> str:
        """The key of its widget."""
        return f"train.{self.owner.__name__}.{self.name}" if self.part else f"train.{self.name}"

    @property
    def words(self) -> str:
        """Its name in words."""
        return " ".join(_SPELLING.get(word, word) for word in self.name.split("_"))

    @property
    def label(self) -> str:
        """Its name in words, and its unit if it has one."""
        units = [rule.unit for rule in self.info.metadata if isinstance(rule, Unit)]
        return ", ".join([_capitalize(self.words), *units])

    @property
    def help(self) -> str:
        """Its description as a sentence."""
        return f"{_capitalize(self.info.description or self.words)}."

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Its smallest and largest value, exclusive bounds included."""
        low = high = None
        for rule in self.info.metadata:
            if isinstance(rule, (Ge, Gt)):
                low = float(str(rule.ge if isinstance(rule, Ge) else rule.gt))
            if isinstance(rule, (Le, Lt)):
                high = float(str(rule.le if isinstance(rule, Le) else rule.lt))
        return low, high

    def get(self, values: Mapping[str, Any]) -> Any:
        """Return its value."""
        return values[self.part][self.name] if self.part else values[self.name]

    def put(self, value: Any, values: Values) -> None:
        """Set its value."""
        into = values.setdefault(self.part, {}) if self.part else values
        into[self.name] = value


def _capitalize(words: str) -> str:
    return words[0].upper() + words[1:]


def form_fields(names: Iterable[str], values: Mapping[str, Any]) -> Iterator[FormField]:
    """Yield the form's fields for fields of TrainConfig.

    Args:
        names: fields of TrainConfig; `model` and `augmentation` expand to the fields inside.
        values: has the `architecture` by the time `model` is reached.
    """
    for name in names:
        if name not in ("model", "augmentation"):
            yield FormField(name, TrainConfig.model_fields[name], TrainConfig)
            continue
        owner = Augmentation if name == "augmentation" else ARCHITECTURES[values["architecture"]]
        for inner, info in owner.model_fields.items():
            yield FormField(inner, info, owner, name)


def applies(name: str, values: Mapping[str, Any]) -> bool:
    """Return whether a field has an effect beside the values known so far."""
    if name == "exclude":
        return bool(_exclusion_lists(values))
    if name == "targets":
        return _has_votes(values)
    return not unmet_condition(name, values)


def choices(field: FormField, values: Mapping[str, Any]) -> Sequence[Any]:
    """Return the values to choose from; empty for a field that is typed."""
    if field.name == "dataset":
        return dataset_names()
    if field.name == "exclude":
        return _exclusion_lists(values)
    if issubclass(field.owner, Backbone) and field.name == "weights":
        return [*field.owner.named_weights, *_compatible_models(values)]
    if field.name == "initial_model":
        return ["none", *_compatible_models(values)]
    if field.name == "teacher":
        return ["none", *(entry.run.name for entry in resources.models())]
    kind = field.info.annotation
    return get_args(kind) if get_origin(kind) is Literal else ()


def choice_label(field: FormField, values: Mapping[str, Any]) -> Callable[[Any], str]:
    """Return the function that labels a choice; a model's label has data set and accuracy, too."""
    labels: Mapping[str, str] = {}
    if field.name in ("weights", "initial_model"):
        labels = _compatible_models(values)
    elif field.name == "teacher":
        labels = {entry.run.name: entry.label for entry in resources.models()}
    return lambda choice: labels.get(choice, str(choice))


def _compatible_models(values: Mapping[str, Any]) -> dict[str, str]:
    """Return name → label of the models whose weights fit the architecture."""
    return {
        entry.run.name: entry.label
        for entry in resources.trained_models()
        if entry.architecture == values["architecture"]
    }


def _exclusion_lists(values: Mapping[str, Any]) -> list[str]:
    dataset = values.get("dataset")
    return exclusion_names(dataset) if dataset else []


def _has_votes(values: Mapping[str, Any]) -> bool:
    dataset = values.get("dataset")
    with suppress(UserError):
        return bool(dataset and dataset_info(dataset).ferplus)
    return False
