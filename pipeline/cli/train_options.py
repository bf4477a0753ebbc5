"""The fields of TrainConfig as options of a command."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from annotated_types import Unit

from models import ARCHITECTURES
from pipeline.config.options import FIELDS, FLAG, as_text, build_config, read_fields
from pipeline.config.presets import PRESETS, preset_fields
from pipeline.config.train_config import OLD_NAMES, TrainConfig
from pipeline.errors import UserError

ConfigFile = Annotated[Path | None, typer.Option(help="JSON file of fields, or a run's config.")]
PresetName = Annotated[
    str | None, typer.Option(help=f"Configuration to start from: {', '.join(PRESETS)}.")
]

_REPEATED = "exclude"
"""The field whose option may be given several times."""


def with_config_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the function's own options and one for every field of TrainConfig.

    Args:
        function: takes its own options, and `**fields`: field → text, or None if not given.
    """
    declared = inspect.signature(function).parameters.values()
    parameters = [each for each in declared if each.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters += [_option(name) for name in (*FIELDS, *OLD_NAMES)]

    def command(**values: Any) -> None:
        texts, flag = values[_REPEATED], values[FLAG]
        texts = {_REPEATED: ",".join(texts) if texts else None, FLAG: "True" if flag else None}
        function(**{**values, **texts})

    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _option(name: str) -> inspect.Parameter:
    text = _help(OLD_NAMES.get(name, name))
    if name == FLAG:
        flag = Annotated[bool, typer.Option(f"--{name}", help=str(FIELDS[name].description))]
        return inspect.Parameter(
            name, kind=inspect.Parameter.KEYWORD_ONLY, default=False, annotation=flag
        )
    option = typer.Option(help=text, hidden=name in OLD_NAMES)
    text_or_texts: Any = list[str] | None if name == _REPEATED else str | None
    kind = Annotated[text_or_texts, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _help(name: str) -> str:
    """Return a field's description, then its unit, choices and default in parentheses.

    Rich would read text in square brackets as markup and hide it.
    """
    field = FIELDS[name]
    units = [rule.unit for rule in field.metadata if isinstance(rule, Unit)]
    details = [unit for unit in units if unit not in str(field.description)]
    if choices := _choices(field.annotation):
        details.append(", ".join(map(as_text, choices)))
    if not field.is_required():
        details.append(f"default {_default(name)}")
    return f"{field.description} ({'; '.join(details)})" if details else str(field.description)


def _choices(annotation: Any) -> tuple[Any, ...]:
    if annotation is bool:
        return (True, False)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _default(name: str) -> str:
    """Return a field's default as text, by architecture where the architectures differ."""
    by_architecture = {
        architecture: as_text(kind.model_fields[name].default)
        for architecture, kind in ARCHITECTURES.items()
        if name in kind.model_fields
    }
    if len(set(by_architecture.values())) > 1:
        return ", ".join(f"{text} for {each}" for each, text in by_architecture.items())
    return as_text(FIELDS[name].default)


def given_options(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return the fields that were given as options."""
    return {name: text for name, text in fields.items() if text is not None}


def config_of(
    file: Path | None, preset: str | None, fields: Mapping[str, str | None]
) -> TrainConfig:
    """Return the configuration of a command, whose options override those of a file or preset.

    Raises:
        UserError: the file cannot be read, there is no such preset, both are given, or a field is
            unknown or has a wrong value.
    """
    given = given_options(fields)
    if file and preset:
        raise UserError("--config and --preset exclude each other: give one of them.")
    if not preset:
        return build_config(read_fields(file) if file else {}, given)
    base = preset_fields(preset, given.get("dataset"))
    if given.get("architecture", base["architecture"]) != base["architecture"]:
        del base["model"]  # another architecture has other fields
    return build_config(base, given)
