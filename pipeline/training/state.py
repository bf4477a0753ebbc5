"""What a training goes on from after any break: one file, replaced at each epoch's end.

Loads no keras.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.course import History

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class TrainingState:
    """A training after its last finished epoch; without arguments, before the first.

    Counters and rates are not in it: they follow from the history, see `course`. Nor are seeds:
    they follow from (seed, epoch).

    Args:
        history: the finished epochs.
        weights: the model's weights, averaged where the training averages them.
        optimizer: the optimizer's variables; with averaging these hold the plain weights.
        best: the weights of the best epoch; None once `model.keras` holds them.
    """

    history: History
    weights: Arrays = ()
    optimizer: Arrays = ()
    best: Arrays | None = None

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read the state of a run.

        Raises:
            UserError: the file is damaged.
        """
        if not run.state_path.is_file():
            return cls([])
        with _opened(run) as file:
            return cls(
                _history(file),
                _unpack(file, "weights") or (),
                _unpack(file, "optimizer") or (),
                _unpack(file, "best"),
            )

    @staticmethod
    def history_of(run: Run) -> History:
        """Read the finished epochs alone of a run's state; none before the first.

        Raises:
            UserError: the file is damaged.
        """
        if not run.state_path.is_file():
            return []
        with _opened(run) as file:
            return _history(file)

    def write(self, run: Run) -> None:
        """Replace the state of a run, whole or not at all.

        Raises:
            UserError: it cannot be written; what was there before stays.
        """
        try:
            _write(
                run.state_path,
                history=np.array(json.dumps(self.history)),
                **_pack("weights", self.weights),
                **_pack("optimizer", self.optimizer),
                **_pack("best", self.best or ()),
            )
        except OSError as error:
            raise UserError(
                f"The state after epoch {len(self.history) - 1} cannot be written to "
                f"{run.state_path.parent} ({error.strerror or error}): free some space there, or "
                f"let it be written to, then go on with --resume {run.name}."
            ) from error


@contextmanager
def _opened(run: Run) -> Iterator[NpzFile]:
    try:
        with run.state_path.open("rb") as opened, NpzFile(opened) as file:
            yield file
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(
            f"The state of run '{run.name}' is damaged, so that it cannot go on "
            f"({run.state_path}): train anew with --config {run.config_path}."
        ) from error


def _history(file: NpzFile) -> History:
    history: History = json.loads(str(file["history"]))
    return history


def _pack(name: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {f"{name}-{number}": array for number, array in enumerate(arrays)}


def _unpack(file: NpzFile, name: str) -> Arrays | None:
    count = sum(key.startswith(f"{name}-") for key in file.files)
    return [file[f"{name}-{number}"] for number in range(count)] or None


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}")  # one name: a kill leaves one such file at most
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
