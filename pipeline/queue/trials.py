"""Trials: the runs of an experiment with their results. Loads no keras."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue.experiment import fields_of
from pipeline.runs import RunRow
from pipeline.runs.history import best_row, training_seconds

DEFAULT_MONITOR = "val_accuracy"
"""The metric that selects the best epoch if the configuration cannot be read."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A run of an experiment with its results.

    Args:
        row: the run in the run table.
        config: its configuration; None where that cannot be read.
        history: its finished epochs.
        seconds: how long they took; None where that is not known.
    """

    row: RunRow
    config: TrainConfig | None
    history: pd.DataFrame
    seconds: float | None

    @classmethod
    def load(cls, row: RunRow) -> "Trial":
        """Read a run's results."""
        try:
            config = row.run.train_config()
        except UserError:
            config = None
        history = row.run.history()
        return cls(row, config, history, training_seconds(history, row.run.log_path))

    @property
    def accuracy(self) -> float | None:
        """Accuracy at the best epoch, 0 to 1, on the model-selection split."""
        return self._best("val_accuracy")

    @property
    def macro_f1(self) -> float | None:
        """Macro F1 at the best epoch, 0 to 1, on the model-selection split."""
        return self._best("val_macro_f1")

    @cached_property
    def values(self) -> dict[str, Any]:
        """Field → value; nothing where the configuration cannot be read."""
        return fields_of(self.config) if self.config else {}

    @cached_property
    def _best_row(self) -> pd.Series | None:
        return best_row(self.history, self.config.monitor if self.config else DEFAULT_MONITOR)

    def _best(self, metric: str) -> float | None:
        row = self._best_row
        value = math.nan if row is None else float(row.get(metric, math.nan))
        return value if math.isfinite(value) else None


def experiments(rows: Iterable[RunRow]) -> dict[str, list[RunRow]]:
    """Return experiment → its runs, in the order of the rows, the first one's experiment first."""
    by_name: dict[str, list[RunRow]] = {}
    for row in rows:
        if row.notes.experiment:
            by_name.setdefault(row.notes.experiment, []).append(row)
    return by_name


def read_trials(rows: Iterable[RunRow]) -> list[Trial]:
    """Return the trials of some runs, the most accurate first, those without an accuracy last.

    Equally accurate ones stay in the order of the rows.
    """

    def accuracy(trial: Trial) -> float:
        return -1.0 if trial.accuracy is None else trial.accuracy

    return sorted(map(Trial.load, rows), key=accuracy, reverse=True)
