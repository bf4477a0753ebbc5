"""An experiment: runs of one configuration with several values for a few of its fields.

Loads no keras.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pipeline.errors import UserError
from pipeline.runs import Notes, Run
from pipeline.training import queue
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.training.options import FIELDS, build_config, command_line
from pipeline.training.rules import lacks

MOST_FIELDS = 3
MOST_RUNS = 100

Varied = Mapping[str, Sequence[str]]
"""Field → its values as texts; lists are separated by commas, as on the command line."""


def vary(config: TrainConfig, varied: Varied) -> list[tuple[str, TrainConfig]]:
    """Return every combination of the values, in the order that they are given in.

    Args:
        config: what all runs have in common.
        varied: at most three fields. Of combinations that make the same training, such as
            `seed 1` and `seed 01`, the first counts.

    Returns:
        What tells a run from the others, such as `learning rate 0.01 · seed 2`, and its
        configuration.

    Raises:
        UserError: a field is unknown or has no effect in any of the runs, a value is wrong, or
            there are too many fields or runs, or no value.
    """
    names, values = list(varied), list(varied.values())
    _check_fields(names, values)
    combinations = [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
    runs = [(_title(given), _changed(config, given)) for given in combinations]
    _check_effects(names, [each for _, each in runs])
    distinct: dict[tuple[tuple[str, Any], ...], tuple[str, TrainConfig]] = {}
    for title, each in runs:
        distinct.setdefault(_effective(each), (title, each))
    return list(distinct.values())


def _check_fields(names: Sequence[str], values: Sequence[Sequence[str]]) -> None:
    choices = ", ".join(name for name in FIELDS if name != "dataset")
    if not names:
        raise UserError(f"Say which field to vary. Choose from: {choices}.")
    if len(names) > MOST_FIELDS:
        raise UserError(f"{len(names)} fields are varied: take {MOST_FIELDS} at most.")
    for name, texts in zip(names, values, strict=True):
        if name not in FIELDS or name == "dataset":
            raise UserError(f"'{name}' cannot be varied. Choose from: {choices}.")
        if not texts:
            raise UserError(f"Give the values of {name}, one at least.")
    count = math.prod(map(len, values))
    if count > MOST_RUNS:
        raise UserError(f"That makes {count} runs: take fewer values, {MOST_RUNS} runs at most.")


def _check_effects(names: Sequence[str], configs: Sequence[TrainConfig]) -> None:
    everything = [config.model_dump() for config in configs]
    for name in names:
        lacking = [lacks(name, values) for values in everything]
        if all(lacking):
            raise UserError(f"{name} has no effect in these runs: it needs {lacking[0]}.")


def _effective(config: TrainConfig) -> tuple[tuple[str, Any], ...]:
    """Return the fields that have an effect, with their values: alike for equal trainings."""
    values = config.model_dump()
    return tuple(each for each in fields_of(config).items() if not lacks(each[0], values))


def _changed(config: TrainConfig, given: Mapping[str, str]) -> TrainConfig:
    base = config.model_dump(mode="json")
    if given.get("architecture", config.architecture) != config.architecture:
        del base["model"]
    return build_config(base, given)


def _title(given: Mapping[str, str]) -> str:
    return " · ".join(f"{name.replace('_', ' ')} {text}" for name, text in given.items())


def submit_experiment(name: str, configurations: Sequence[tuple[str, TrainConfig]]) -> list[Run]:
    """Queue all runs of an experiment, or none of them.

    Args:
        name: the experiment's name; one that is there already gets more runs.
        configurations: title and configuration of each, see `vary`.

    Raises:
        UserError: the name is empty, or a run cannot be made.
    """
    if not name.strip():
        raise UserError("Give the experiment a name.")
    runs: list[Run] = []
    try:
        for title, config in configurations:
            runs.append(new_run(config, notes=Notes(name=title, experiment=name.strip())))
    except UserError:
        for run in runs:
            run.remove()
        raise
    queue.start_worker()
    return runs


def experiment_command(name: str, config: TrainConfig, varied: Varied) -> str:
    """Return the command that queues an experiment.

    Args:
        name: the experiment's name.
        config: what all runs have in common.
        varied: field → its values.
    """
    common = command_line(config).partition(" train ")[2]
    words = ["python", "-m", "pipeline", "experiment", name or "NAME"]
    for field, texts in varied.items():
        words += ["--vary", f"{field.replace('_', '-')}={' '.join(texts)}"]
    return f"{shlex.join(words)} {common}"


def fields_of(config: TrainConfig) -> dict[str, Any]:
    """Return field → value, those of the architecture and the augmentation among them."""
    parts = (config, config.model, config.augmentation)
    values = {name: getattr(part, name) for part in parts for name in type(part).model_fields}
    return {name: value for name, value in values.items() if name in FIELDS}


def differing_fields(configs: Sequence[TrainConfig]) -> list[str]:
    """Return the fields that have not the same value in all configurations.

    A field that some have not, because their architecture is another, differs.
    """
    fields = [fields_of(config) for config in configs]
    return [name for name in FIELDS if len({repr(values.get(name, "")) for values in fields}) > 1]
