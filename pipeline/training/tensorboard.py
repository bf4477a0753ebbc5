"""Training curves as TensorBoard reads them. Loads no keras."""

import shutil
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

from pipeline.errors import UserError


def check_tensorboard() -> None:
    """Check that curves can be written.

    Raises:
        UserError: tensorboardX is not installed.
    """
    if not find_spec("tensorboardX"):
        raise UserError(
            "Training curves for TensorBoard need tensorboardX: install it with "
            "pip install '.[tensorboard]'.",
            field="tensorboard",
        )


class CurveWriter:
    """Writes the rows of a run's history, as Keras' TensorBoard callback names them.

    What the folder holds is replaced, so that a resumed training has each epoch once.

    Args:
        folder: gets the folders `train` and `validation`.
        history: the finished epochs, see `pipeline.runs.history.COLUMNS`.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, history: Iterable[Mapping[str, float]]) -> None:
        check_tensorboard()
        from tensorboardX import SummaryWriter

        shutil.rmtree(folder, ignore_errors=True)
        # A TensorBoard that has read the files before drops what it knows from step 0 on.
        self._writers = {
            part: SummaryWriter(str(folder / part), purge_step=0)
            for part in ("train", "validation")
        }
        for row in history:
            metrics = {name: value for name, value in row.items() if name != "epoch"}
            self.add_epoch(int(row["epoch"]), metrics)

    def add_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of an epoch, which is the step and counted from 0."""
        for name, value in metrics.items():
            if isfinite(value):  # a history of an older version lacks some
                part = "validation" if name.startswith("val_") else "train"
                tag = f"epoch_{name.removeprefix('val_')}"
                self._writers[part].add_scalar(tag, float(value), epoch)
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
