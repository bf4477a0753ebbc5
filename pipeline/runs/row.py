"""A run in a list: what its small files say. Reads the history and the configuration quickly."""

import csv
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from pipeline.data.store import is_synthetic
from pipeline.runs.records import Notes, RunState, Status
from pipeline.runs.run import Run


@dataclass(frozen=True)
class RunRow:
    """A run or a bundled model in a list.

    Args:
        run: the run.
        status: its state and progress.
        notes: its notes.
        dataset: its data set's name; None if the configuration cannot be read.
        architecture: its network's name, or its kind if it was not trained here; None if the
            configuration cannot be read.
        accuracy: the best `val_accuracy` of its finished epochs, 0 to 1; None before the first.
        fingerprint: of its data set; empty if the configuration cannot be read.
        synthetic: whether it learned from synthetic faces.
        fields: field of the configuration → its value as text; none if it was not trained here.
        kind: `trained`, `imported` or `ensemble`.
        title: its name for people, unique in its list, see `pipeline.runs.names`.
    """

    run: Run
    status: Status
    notes: Notes
    dataset: str | None
    architecture: str | None
    accuracy: float | None
    fingerprint: str = ""
    synthetic: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    kind: str = "trained"
    title: str = ""

    @property
    def state(self) -> RunState:
        """The current state, see `Run.state`."""
        return self.status.current_state()

    @property
    def may_stop_early(self) -> bool:
        """Whether early stopping can end its training before the last epoch."""
        patience = self.fields.get("early_stopping_patience", "")
        return patience.isdecimal() and 0 < int(patience) < self.status.epochs


def read_row(run: Run) -> RunRow:
    """Read a run's files; those that are damaged leave their part of the row empty."""
    accuracy = max(_read_column(run.history_path, "val_accuracy"), default=None)
    row = RunRow(run, run.status(), run.notes(), None, None, accuracy)
    try:  # validating the whole configuration would be slow
        config = from_json(run.config_path.read_text())
        fingerprint, kind = str(config["dataset_fingerprint"]), str(config.get("kind", "trained"))
        trained = kind == "trained"
        train = config["train" if trained else kind]
        return RunRow(
            run,
            row.status,
            row.notes,
            str(train["dataset"]),
            str(train["architecture"]) if trained else kind,
            accuracy,
            fingerprint,
            bool(config["synthetic"] if "synthetic" in config else is_synthetic(fingerprint)),
            {name: _text(value) for name, value in _flat(train)} if trained else {},
            kind,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return row


def _flat(train: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a configuration with those of its parts."""
    for name, value in train.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _read_column(history: Path, column: str) -> Iterator[float]:
    """Yield the finite numbers of a column; `read_history` is fifty times as slow."""
    with suppress(OSError, ValueError, csv.Error), history.open(newline="") as file:
        for row in csv.DictReader(file):
            with suppress(TypeError, ValueError):
                value = float(row.get(column) or "nan")
                if math.isfinite(value):
                    yield value
