"""The fields of the training form: those of TrainConfig, of its architecture, of augmentation."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, Unit
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models import ARCHITECTURES
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig

Values = dict[str, Any]
"""Field → value, as far as known; the architecture's own below `model`, those of augmentation
below `augmentation`: what TrainConfig is validated from."""


_SPELT = {"ema": "EMA"}


@dataclass(frozen=True)
class FormField:
    """A field of the form.

    Args:
        name: its name in the code.
        info: what its model says of it.
        owner: the model that it is a field of.
        part: the field of TrainConfig that holds the owner; empty for TrainConfig's own.
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
        """Its name as words."""
        return " ".join(_SPELT.get(word, word) for word in self.name.split("_"))

    @property
    def label(self) -> str:
        """Its name as words, and its unit if it has one."""
        units = [rule.unit for rule in self.info.metadata if isinstance(rule, Unit)]
        return ", ".join([_sentence(self.words), *units])

    @property
    def help(self) -> str:
        """One sentence on what it does."""
        return f"{_sentence(self.info.description or self.words)}."

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Its smallest and largest value; an end that is excluded itself is given, too."""
        low = high = None
        for rule in self.info.metadata:
            if isinstance(rule, (Ge, Gt)):
                low = float(str(rule.ge if isinstance(rule, Ge) else rule.gt))
            if isinstance(rule, (Le, Lt)):
                high = float(str(rule.le if isinstance(rule, Le) else rule.lt))
        return low, high

    def get(self, values: Mapping[str, Any]) -> Any:
        """Return its value from where TrainConfig has it."""
        return values[self.part][self.name] if self.part else values[self.name]

    def put(self, value: Any, values: Values) -> None:
        """Set the value where TrainConfig looks for it."""
        into = values.setdefault(self.part, {}) if self.part else values
        into[self.name] = value


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def fields_of(names: Iterable[str], values: Mapping[str, Any]) -> Iterator[FormField]:
    """Give the fields of the form that fields of TrainConfig stand for.

    Args:
        names: fields of TrainConfig; `model` and `augmentation` stand for those inside.
        values: has the `architecture` at the latest when `model` is reached.
    """
    for name in names:
        if name not in ("model", "augmentation"):
            yield FormField(name, TrainConfig.model_fields[name], TrainConfig)
            continue
        owner = Augmentation if name == "augmentation" else ARCHITECTURES[values["architecture"]]
        for own, info in owner.model_fields.items():
            yield FormField(own, info, owner, name)
