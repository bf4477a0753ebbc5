"""Runs: the folders that training writes and everything after it reads. Loads no keras.

Shipped models are runs too; they lie in `models/zoo` and are never written to.
"""

from pipeline.runs.files import RunConfig, ShownState, State, Status
from pipeline.runs.index import (
    create_run,
    find_model,
    find_run,
    list_models,
    list_runs,
    runs_using,
)
from pipeline.runs.run import Run

__all__ = [
    "Run",
    "RunConfig",
    "ShownState",
    "State",
    "Status",
    "create_run",
    "find_model",
    "find_run",
    "list_models",
    "list_runs",
    "runs_using",
]
