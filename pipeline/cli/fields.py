"""TrainConfig's fields as options of the commands that take a configuration."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.training.config import TrainConfig
from pipeline.training.options import FIELDS, build_config, read_fields

ConfigFile = Annotated[Path | None, typer.Option(help="JSON file of fields, or a run's config.")]


def with_fields(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the function's own options and one for every field of TrainConfig.

    Args:
        function: takes what typer makes options of, and `**fields`: field → text, or None where
            nothing was said.
    """
    own = inspect.signature(function).parameters.values()
    parameters = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters += [_option(name) for name in FIELDS]

    def command(**values: Any) -> None:
        function(**values)

    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _option(name: str) -> inspect.Parameter:
    field = FIELDS[name]
    unsaid = field.is_required() or field.default is None
    text = f"{field.description}{'' if unsaid else f' [default: {field.default}]'}"
    kind = Annotated[str | None, typer.Option(help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def said(fields: Mapping[str, str | None]) -> dict[str, str]:
    """Return the fields that were given as options."""
    return {name: text for name, text in fields.items() if text is not None}


def config_of(file: Path | None, fields: Mapping[str, str | None]) -> TrainConfig:
    """Make the configuration of a command, whose options go before the same field of a file.

    Raises:
        UserError: the file cannot be read, or a field is unknown or has a wrong value.
    """
    return build_config(read_fields(file) if file else {}, said(fields))
