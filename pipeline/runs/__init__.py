"""Runs: the folders that training writes and everything after it reads. Loads no keras.

Shipped models are runs too; they lie in `models/zoo` and are never written to.
"""

from pipeline.runs.files import (
    Calibration,
    Exclusion,
    Notes,
    RunConfig,
    ShownState,
    Speed,
    State,
    Status,
    evaluation_name,
)
from pipeline.runs.index import (
    check_unused,
    create_run,
    find_model,
    find_run,
    list_models,
    list_runs,
    list_shipped,
    runs_using,
)
from pipeline.runs.run import Run
from pipeline.runs.table import RunRow, RunTable

__all__ = [
    "Calibration",
    "Exclusion",
    "Notes",
    "Run",
    "RunConfig",
    "RunRow",
    "RunTable",
    "ShownState",
    "Speed",
    "State",
    "Status",
    "check_unused",
    "create_run",
    "evaluation_name",
    "find_model",
    "find_run",
    "list_models",
    "list_runs",
    "list_shipped",
    "runs_using",
]
