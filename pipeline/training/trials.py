"""What runs came to: their best epochs and their time. Loads no keras."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.runs import Run, RunRow
from pipeline.training.config import TrainConfig
from pipeline.training.course import best_epoch
from pipeline.training.experiment import fields_of

DEFAULT_MONITOR = "val_accuracy"
"""What the best epoch is looked for by where the configuration cannot be read."""

_LOGGED_TIME = re.compile(r" epoch (\d+): .*\((\d+) s\)$", re.MULTILINE)


def best_row(history: pd.DataFrame, monitor: str) -> pd.Series | None:
    """Return the figures of the best epoch, the one whose weights are kept.

    Args:
        history: a run's history, one row a finished epoch.
        monitor: the column to go by.

    Returns:
        The row, or None if no epoch has that figure.
    """
    if monitor not in history or history[monitor].dropna().empty:
        return None
    rows = [{monitor: float(figure)} for figure in history[monitor]]
    return history.iloc[best_epoch(rows, monitor)]


def training_time(run: Run) -> float | None:
    """Return how long a run's finished epochs took together, in seconds, as its log says.

    Returns:
        The seconds, also of epochs before a resume; None where the log tells of no epoch.
    """
    try:
        text = run.log_path.read_text(errors="replace")
    except OSError:
        return None
    seconds = {int(epoch): int(each) for epoch, each in _LOGGED_TIME.findall(text)}
    return float(sum(seconds.values())) if seconds else None


@dataclass(frozen=True, eq=False)
class Trial:
    """A run of an experiment and what it came to.

    Args:
        row: the run as lists show it.
        config: its configuration; None where that cannot be read.
        history: its finished epochs.
        seconds: how long they took; None where that is not known.
    """

    row: RunRow
    config: TrainConfig | None
    history: pd.DataFrame
    seconds: float | None

    @classmethod
    def of(cls, row: RunRow) -> "Trial":
        """Read what a run came to."""
        try:
            config = row.run.config().train
        except UserError:
            config = None
        return cls(row, config, row.run.history(), training_time(row.run))

    @property
    def accuracy(self) -> float | None:
        """Accuracy at the best epoch, 0 to 1, on the faces it was chosen on."""
        return self._best("val_accuracy")

    @property
    def macro_f1(self) -> float | None:
        """Macro F1 there, 0 to 1."""
        return self._best("val_macro_f1")

    @cached_property
    def values(self) -> dict[str, Any]:
        """Field → value; nothing where the configuration cannot be read."""
        return fields_of(self.config) if self.config else {}

    @cached_property
    def _best_row(self) -> pd.Series | None:
        return best_row(self.history, self.config.monitor if self.config else DEFAULT_MONITOR)

    def _best(self, figure: str) -> float | None:
        row = self._best_row
        found = math.nan if row is None else float(row.get(figure, math.nan))
        return found if math.isfinite(found) else None


def experiments(rows: Iterable[RunRow]) -> dict[str, list[RunRow]]:
    """Return experiment → its runs, in the order of the rows, the first one's experiment first."""
    found: dict[str, list[RunRow]] = {}
    for row in rows:
        if row.notes.experiment:
            found.setdefault(row.notes.experiment, []).append(row)
    return found


def read_trials(rows: Iterable[RunRow]) -> list[Trial]:
    """Return what runs came to, the most accurate first, those without a figure last.

    Level ones stay in the order of the rows.
    """

    def merit(trial: Trial) -> float:
        return -1.0 if trial.accuracy is None else trial.accuracy

    return sorted(map(Trial.of, rows), key=merit, reverse=True)
