"""TrainConfig as command-line options, named after its fields."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from models import ARCHITECTURES
from pipeline.config.augmentation import Augmentation
from pipeline.config.train_config import TrainConfig, explain, rename_old_fields
from pipeline.data.exclusions import NO_LIST
from pipeline.data.store import find_dataset
from pipeline.errors import UserError

TOP = {k: v for k, v in TrainConfig.model_fields.items() if k not in ("model", "augmentation")}
MODEL: dict[str, FieldInfo] = {}
for _kind in ARCHITECTURES.values():
    MODEL |= {**_kind.model_fields, **MODEL}  # of a field of several, the first one's description
AUGMENTATION = Augmentation.model_fields
FIELDS: dict[str, FieldInfo] = {**TOP, **MODEL, **AUGMENTATION}
FLAG = "tensorboard"
"""The field whose option has no value."""


def read_fields(path: Path) -> dict[str, Any]:
    """Read a JSON object of fields, or a run's `config.json`, with the data set's present name.

    Raises:
        UserError: the file cannot be read or holds something else.
    """
    try:
        content = from_json(path.read_text())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is not a JSON file ({error}).") from error
    fields = content.get("train", content) if isinstance(content, dict) else content
    if not isinstance(fields, dict):
        raise UserError(f"{path} does not hold an object of fields, as a run's config.json does.")
    if "dataset" in fields and "dataset_fingerprint" in content:
        fields["dataset"] = find_dataset(fields["dataset"], str(content["dataset_fingerprint"]))
    return fields


def build_config(base: Mapping[str, Any], given: Mapping[str, str]) -> TrainConfig:
    """Build a configuration from a JSON object and options that override it.

    Args:
        base: the fields of a configuration file; may be empty.
        given: field → text; lists are separated by commas.

    Raises:
        UserError: a field is unknown, does not apply to the architecture, or has a wrong value.
    """
    values, given = rename_old_fields(base), rename_old_fields(given)
    for part in ("model", "augmentation"):
        values[part] = values.get(part) or {}
        if not isinstance(values[part], Mapping):
            raise UserError(f"'{part}' is {values[part]!r} where an object of fields is needed.")
        values[part] = dict(values[part])
    architecture = given.get("architecture", values.get("architecture", "custom_cnn"))
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise UserError(
            f"Unknown architecture '{architecture}'. Choose from: {', '.join(ARCHITECTURES)}."
        )
    for name, text in given.items():
        if name in TOP:
            values[name] = _value(TOP[name], text)
        elif name in AUGMENTATION:
            values["augmentation"][name] = text
        elif name in ARCHITECTURES[architecture].model_fields:
            values["model"][name] = _value(MODEL[name], text)
        else:
            raise UserError(f"'{name}' is no field of the architecture '{architecture}'.")
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise explain(error) from error


def _value(field: FieldInfo, text: str) -> Any:
    """Return a text as pydantic takes it: a list, one of the field's choices, or unchanged."""
    if isinstance(field.default, tuple):
        return text.split(",")
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return {as_text(choice): choice for choice in choices}.get(text, text)


def command_line(config: TrainConfig, name: str = "") -> str:
    """Return the command that trains this configuration, without the fields at their defaults.

    Args:
        config: the configuration.
        name: of the run; empty for its default.
    """
    named = ["--name", name] if name else []
    return shlex.join(["python", "-m", "pipeline", "train", *named, *config_options(config)])


def config_options(config: TrainConfig) -> list[str]:
    """Return the options that make this configuration, without the fields at their defaults."""
    options = ["--dataset", config.dataset, "--architecture", config.architecture]
    for part in (config, config.model, config.augmentation):
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            skipped = name in ("dataset", "architecture") or isinstance(value, BaseModel)
            if skipped or value == field.get_default(call_default_factory=True):
                continue
            option = f"--{name.replace('_', '-')}"
            options += [option] if name == FLAG else [option, as_text(value)]
    return options


def as_text(value: object) -> str:
    """Return a field's value as its option takes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or NO_LIST
    return str(value)
