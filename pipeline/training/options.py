"""TrainConfig as command-line options: one a field, under the field's own name."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from models import ARCHITECTURES
from pipeline.data.exclusions import NO_LIST
from pipeline.data.store import find_dataset
from pipeline.errors import UserError
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig, explain

TOP = {k: v for k, v in TrainConfig.model_fields.items() if k not in ("model", "augmentation")}
MODEL = {k: v for kind in ARCHITECTURES.values() for k, v in kind.model_fields.items()}
AUGMENTATION = Augmentation.model_fields
FIELDS: dict[str, FieldInfo] = {**TOP, **MODEL, **AUGMENTATION}


def read_fields(path: Path) -> dict[str, Any]:
    """Read a JSON object of fields, or a run's `config.json`, whose data set may be renamed by now.

    Raises:
        UserError: the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON file ({error}).") from error
    fields = content.get("train", content) if isinstance(content, dict) else content
    if not isinstance(fields, dict):
        raise UserError(f"{path} holds no object of fields, as a run's config.json does.")
    if "dataset" in fields and "dataset_fingerprint" in content:
        fields["dataset"] = find_dataset(fields["dataset"], str(content["dataset_fingerprint"]))
    return fields


def build_config(base: Mapping[str, Any], given: Mapping[str, str]) -> TrainConfig:
    """Make a configuration of a JSON object and of options that go before it.

    Args:
        base: what a configuration file holds, or nothing.
        given: field → text; lists are separated by commas.

    Raises:
        UserError: a field is unknown, does not apply to the architecture, or has a wrong value.
    """
    values: dict[str, Any] = {**base}
    for part in ("model", "augmentation"):
        values[part] = base.get(part) or {}
        if not isinstance(values[part], Mapping):
            raise UserError(f"'{part}' is {values[part]!r} where an object of fields is needed.")
        values[part] = dict(values[part])
    architecture = given.get("architecture", base.get("architecture", "custom_cnn"))
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
    """Return a text as the field's model takes it: a list, one of its choices, or as it is."""
    if isinstance(field.default, tuple):
        return text.split(",")
    offered = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return {as_text(choice): choice for choice in offered}.get(text, text)


def command_line(config: TrainConfig) -> str:
    """Return the command that trains this configuration, without the fields at their defaults."""
    words = ["python", "-m", "pipeline", "train", "--dataset", config.dataset]
    words += ["--architecture", config.architecture]
    for part in (config, config.model, config.augmentation):
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            told = name in ("dataset", "architecture") or isinstance(value, BaseModel)
            if told or value == field.get_default(call_default_factory=True):
                continue
            words += [f"--{name.replace('_', '-')}", as_text(value)]
    return shlex.join(words)


def as_text(value: object) -> str:
    """Return a field's value as an option gives it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return NO_LIST if value is None else str(value)
