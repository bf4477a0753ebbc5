"""Training checkpoints: one file with all that a resume needs, replaced after each epoch.

Loads no keras.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from pipeline.data.array_cache import DAMAGED_ARRAYS
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.storage import cannot_write, write_atomic

Arrays = Sequence[NDArray[Any]]

History = list[dict[str, float]]
"""One row per finished epoch, counted from 0 across phases: `epoch`, `loss`, `val_accuracy`, …"""


@dataclass(frozen=True)
class TrainingCheckpoint:
    """A training run after its last finished epoch; with an empty history, no epoch is finished.

    Counters of callbacks are not in it: they follow from the history, see
    `pipeline.training.callbacks.ReplayHistory`. Nor are seeds: they follow from (seed, epoch).

    Args:
        history: the finished epochs.
        weights: the model's weights, or their moving average, if the run has one.
        optimizer: the optimizer's variables; with a moving average they also hold the plain
            weights.
        best: the weights of the best epoch; None once `model.keras` holds them.
    """

    history: History
    weights: Arrays = ()
    optimizer: Arrays = ()
    best: Arrays | None = None

    @classmethod
    def load(cls, run: Run) -> Self:
        """Read the checkpoint of a run.

        Raises:
            UserError: the file is damaged.
        """
        if not run.checkpoint_path.is_file():
            return cls([])
        with _opened(run) as file:
            return cls(
                _history(file),
                _unpack(file, "weights") or (),
                _unpack(file, "optimizer") or (),
                _unpack(file, "best"),
            )

    @staticmethod
    def load_history(run: Run) -> History:
        """Read only the history of a run's checkpoint; empty before the first epoch.

        Raises:
            UserError: the file is damaged.
        """
        if not run.checkpoint_path.is_file():
            return []
        with _opened(run) as file:
            return _history(file)

    def write(self, run: Run) -> None:
        """Replace the checkpoint of a run atomically.

        Raises:
            UserError: it cannot be written; the previous checkpoint stays.
        """
        folder = run.path / "checkpoint"
        try:
            folder.mkdir(exist_ok=True)
            for stale_file in folder.glob(".*"):
                stale_file.unlink()
            with write_atomic(folder / "training.npz") as partial:
                np.savez(
                    partial,
                    history=np.array(json.dumps(self.history)),
                    **_pack("weights", self.weights),
                    **_pack("optimizer", self.optimizer),
                    **_pack("best", self.best or ()),
                )
        except OSError as error:
            raise cannot_write(
                f"The checkpoint after epoch {len(self.history)} cannot be written to {folder}",
                error,
                "free some space there, or make it writable, then resume the run",
            ) from error
        shutil.rmtree(run.path / "state", ignore_errors=True)  # an older version's checkpoint


@contextmanager
def _opened(run: Run) -> Iterator[NpzFile]:
    try:
        with run.checkpoint_path.open("rb") as raw, NpzFile(raw) as file:
            yield file
    except DAMAGED_ARRAYS as error:
        raise UserError(
            f"The checkpoint of run '{run.name}' is damaged, so that it cannot be resumed "
            f"({run.checkpoint_path}): train again with --config {run.config_path}.",
            on_page=f"The checkpoint of run '{run.name}' is damaged, so that it cannot be resumed: "
            "clone it and train again.",
        ) from error


def _history(file: NpzFile) -> History:
    history: History = json.loads(str(file["history"]))
    return history


def _pack(name: str, arrays: Arrays) -> dict[str, Any]:
    return {f"{name}-{number}": array for number, array in enumerate(arrays)}


def _unpack(file: NpzFile, name: str) -> Arrays | None:
    count = sum(key.startswith(f"{name}-") for key in file.files)
    return [file[f"{name}-{number}"] for number in range(count)] or None
