"""What lists of runs show of each: read once, and again only after a file of it has changed."""

import csv
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.runs.files import Notes, ShownState, Status
from pipeline.runs.index import list_runs
from pipeline.runs.run import Run

Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    Args:
        run: the run.
        status: how far it is.
        notes: what people wrote about it.
        dataset: its data set's name; None where the configuration cannot be read.
        architecture: its network's name, or None alike.
        accuracy: the best `val_accuracy` of its finished epochs, 0 to 1; None before the first.
    """

    run: Run
    status: Status
    notes: Notes
    dataset: str | None
    architecture: str | None
    accuracy: float | None

    @property
    def state(self) -> ShownState:
        """The state at this moment, see `Run.state`."""
        return self.status.shown()

    @property
    def title(self) -> str:
        """The name that people gave the run, else its own."""
        return self.notes.name or self.run.name


class RunTable:
    """The rows of all runs of the workspace; quick to ask again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, RunRow]] = {}

    def rows(self) -> list[RunRow]:
        """Return the rows as the files are now, newest run first."""
        before, known = self._known, dict[Path, tuple[Stamp, RunRow]]()
        for run in list_runs():
            stamp = _stamp(run)
            row = before.get(run.path)
            known[run.path] = row if row and row[0] == stamp else (stamp, _read(run))
        self._known = known
        return [row for _, row in known.values()]


def _stamp(run: Run) -> Stamp:
    """Return what changes with each file that a row is read from."""

    def changed(path: Path) -> tuple[int, int]:
        try:
            found = path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino  # files are replaced, never written into

    paths = (run.config_path, run.status_path, run.notes_path, run.history_path)
    return tuple(map(changed, paths))


def _read(run: Run) -> RunRow:
    dataset, architecture = _named(run.config_path)
    accuracy = max(_figures(run.history_path, "val_accuracy"), default=None)
    return RunRow(run, run.status(), run.notes(), dataset, architecture, accuracy)


def _named(config: Path) -> tuple[str | None, str | None]:
    try:
        train = json.loads(config.read_text())["train"]
        return str(train["dataset"]), str(train["architecture"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def _figures(history: Path, column: str) -> Iterator[float]:
    """Give the finite figures of a column; `read_history` is fifty times as slow."""
    with suppress(OSError, ValueError, csv.Error), history.open(newline="") as file:
        for row in csv.DictReader(file):
            with suppress(TypeError, ValueError):
                figure = float(row.get(column) or "nan")
                if math.isfinite(figure):
                    yield figure
