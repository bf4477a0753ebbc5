"""The settings of the workspace's queue, in `queue.json`. Loads no keras."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, Field, FiniteFloat, ValidationError

from pipeline.errors import UserError
from pipeline.runs.salvage import salvage
from pipeline.storage import cannot_write, write_json
from pipeline.workspace import workspace

MAX_PARALLEL_RUNS = 64


def _check_address(address: str) -> str:
    if not re.fullmatch(r"(https?://[^\s@]+)?", address):
        raise ValueError("it should be such as http://HOST:8265, without a user and a password")
    return address


class QueueSettings(BaseModel):
    """The content of `queue.json`.

    Args:
        max_parallel_runs: how many queued runs may train in parallel.
        engine: what trains them, a key of `ENGINES`.
        address: of the engine's cluster, such as `http://HOST:8265`; empty for none, or for that
            of the environment.
        cpus: of one run on a cluster, and its number of threads.
        gpus: of one run on a cluster; a fraction is a share of one.
    """

    max_parallel_runs: Annotated[
        int, AfterValidator(lambda count: min(MAX_PARALLEL_RUNS, max(1, count)))
    ] = Field(1, validation_alias=AliasChoices("max_parallel_runs", "at_once"))
    engine: str = "local"
    address: Annotated[str, AfterValidator(_check_address)] = ""
    cpus: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[FiniteFloat, Field(ge=0)] = 0.0


def queue_settings() -> QueueSettings:
    """Read the settings; of a damaged file, the fields that can be read."""
    return salvage(QueueSettings, _path(), {})


def max_parallel_runs() -> int:
    """Return how many queued runs may train in parallel; 1 unless it was set."""
    return queue_settings().max_parallel_runs


def set_max_parallel_runs(count: int) -> None:
    """Set how many queued runs may train in parallel; a worker that is alive follows.

    Raises:
        UserError: the number is not from 1 to 64, or cannot be written.
    """
    if not 1 <= count <= MAX_PARALLEL_RUNS:
        raise UserError(f"{count} parallel runs is wrong: take 1 to {MAX_PARALLEL_RUNS}.")
    change_settings(max_parallel_runs=count)


def change_settings(**changes: object) -> QueueSettings:
    """Change some fields of the settings and return them all.

    Raises:
        UserError: a value is wrong, or the file cannot be written.
    """
    try:
        settings = QueueSettings.model_validate({**queue_settings().model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{first['loc'][0]} {first['input']!r} is wrong: {reason}.") from None
    try:
        workspace().mkdir(parents=True, exist_ok=True)
        write_json(_path(), settings.model_dump(exclude_defaults=True))
    except OSError as error:
        raise cannot_write(f"{_path()} cannot be written", error) from error
    return settings


def _path() -> Path:
    return workspace() / "queue.json"
