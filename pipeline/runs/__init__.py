"""Runs: the folders that trainings write. Loads no keras.

Bundled models are runs in `models/zoo`, which are never written to.
"""

from pipeline.runs.names import default_name
from pipeline.runs.records import (
    Calibration,
    Exclusion,
    Notes,
    RunConfig,
    RunState,
    Speed,
    Status,
    StoredState,
    evaluation_name,
)
from pipeline.runs.row import RunRow, read_row
from pipeline.runs.run import Run
from pipeline.runs.store import (
    check_unused,
    create_run,
    find_model,
    find_run,
    list_bundled,
    list_models,
    list_runs,
)
from pipeline.runs.table import RunTable, model_names

__all__ = [
    "Calibration",
    "Exclusion",
    "Notes",
    "Run",
    "RunConfig",
    "RunRow",
    "RunTable",
    "RunState",
    "Speed",
    "StoredState",
    "Status",
    "check_unused",
    "create_run",
    "default_name",
    "evaluation_name",
    "find_model",
    "find_run",
    "list_models",
    "list_runs",
    "list_bundled",
    "model_names",
    "read_row",
]
