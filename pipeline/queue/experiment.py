"""An experiment: runs of one configuration that vary a few of its fields.

Loads no keras.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pipeline.config.conditions import unmet_condition
from pipeline.config.options import FIELDS, build_config, config_options
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.runs import Notes, Run
from pipeline.training.run_setup import new_run

MAX_FIELDS = 3
MAX_RUNS = 100
_CHOICES = ", ".join(name for name in FIELDS if name != "dataset")

Varied = Mapping[str, Sequence[str]]
"""Field → its values as text, as on the command line: lists are separated by commas."""


def vary(config: TrainConfig, varied: Varied) -> list[tuple[str, TrainConfig]]:
    """Return every combination of the values, in the order given.

    Args:
        config: the fields that all runs share.
        varied: at most three fields. Of combinations that give the same training, such as
            `seed 1` and `seed 01`, only the first is returned.

    Returns:
        Title and configuration of each run, the title such as `learning rate 0.01 · seed 2`.

    Raises:
        UserError: a field is unknown or has no effect in any of the runs, a value is wrong, or
            there are too many fields or runs, or no value.
    """
    names, values = list(varied), list(varied.values())
    _check_fields(names, values)
    combinations = [dict(zip(names, texts, strict=True)) for texts in product(*values)]
    runs = [variant(config, given) for given in combinations]
    check_effects(names, [each for _, each in runs])
    distinct: dict[tuple[tuple[str, Any], ...], tuple[str, TrainConfig]] = {}
    for title, each in runs:
        distinct.setdefault(effective_fields(each), (title, each))
    return list(distinct.values())


def variant(config: TrainConfig, given: Mapping[str, str]) -> tuple[str, TrainConfig]:
    """Return the title and the configuration of a run that differs in some fields.

    Args:
        config: the fields that all runs share.
        given: field → its value as text.

    Raises:
        UserError: a field does not apply to the architecture, or a value is wrong.
    """
    title = " · ".join(f"{name.replace('_', ' ')} {text}" for name, text in given.items())
    return title, _with_fields(config, given)


def _check_fields(names: Sequence[str], values: Sequence[Sequence[str]]) -> None:
    if not names:
        raise UserError(f"Say which field to vary. Choose from: {_CHOICES}.")
    if len(names) > MAX_FIELDS:
        raise UserError(f"{len(names)} fields are varied: take {MAX_FIELDS} at most.")
    for name, texts in zip(names, values, strict=True):
        check_variable(name)
        if not texts:
            raise UserError(f"Give the values of {name}, one at least.")
    count = math.prod(map(len, values))
    if count > MAX_RUNS:
        raise UserError(f"That makes {count} runs: take fewer values, {MAX_RUNS} runs at most.")


def check_variable(name: str) -> None:
    """Check that runs of an experiment may differ in a field.

    Raises:
        UserError: there is no such field, or it is the data set.
    """
    if name not in FIELDS or name == "dataset":
        raise UserError(f"'{name}' cannot be varied. Choose from: {_CHOICES}.")


def check_effects(names: Sequence[str], configs: Sequence[TrainConfig]) -> None:
    """Check that each field has an effect in one of the configurations, at least.

    Raises:
        UserError: one has none.
    """
    dumps = [config.model_dump() for config in configs]
    for name in names:
        unmet = [unmet_condition(name, values) for values in dumps]
        if all(unmet):
            raise UserError(f"{name} has no effect in these runs: it needs {unmet[0]}.")


def effective_fields(config: TrainConfig) -> tuple[tuple[str, Any], ...]:
    """Return the fields that have an effect, with their values: the same for equal trainings."""
    values = config.model_dump()
    return tuple(each for each in fields_of(config).items() if not unmet_condition(each[0], values))


def _with_fields(config: TrainConfig, given: Mapping[str, str]) -> TrainConfig:
    base = config.model_dump(mode="json")
    if given.get("architecture", config.architecture) != config.architecture:
        del base["model"]
    return build_config(base, given)


def submit_experiment(name: str, configurations: Sequence[tuple[str, TrainConfig]]) -> list[Run]:
    """Queue all runs of an experiment, or none of them.

    Args:
        name: the experiment's name; an existing one gets more runs.
        configurations: title and configuration of each run, see `vary`.

    Raises:
        UserError: the name is empty, or a run cannot be created.
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
        config: the fields that all runs share.
        varied: field → its values.
    """
    words = ["python", "-m", "pipeline", "experiment", name or "NAME"]
    for field, texts in varied.items():
        words += ["--vary", f"{field.replace('_', '-')}={' '.join(texts)}"]
    return shlex.join([*words, *config_options(config)])


def fields_of(config: TrainConfig) -> dict[str, Any]:
    """Return field → value, including those of the architecture and the augmentation."""
    parts = (config, config.model, config.augmentation)
    values = {name: getattr(part, name) for part in parts for name in type(part).model_fields}
    return {name: value for name, value in values.items() if name in FIELDS}


def differing_fields(configs: Sequence[TrainConfig]) -> list[str]:
    """Return the fields whose value is not the same in all configurations.

    A field that some lack, because their architecture is another one, differs.
    """
    fields = [fields_of(config) for config in configs]
    return [name for name in FIELDS if len({repr(values.get(name, "")) for values in fields}) > 1]
