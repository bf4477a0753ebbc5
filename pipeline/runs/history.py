"""A run's `history.csv`: one row per finished epoch; its best row and its training time."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.storage import csv_text, write_text

COLUMNS = (
    *("epoch", "accuracy", "learning_rate", "loss", "macro_f1", "seconds"),
    *("val_accuracy", "val_loss", "val_macro_f1", "val_top_share"),
)
"""In the order of `keras.callbacks.CSVLogger`, which appends to the table."""

_MAX_EPOCHS = 1_000_000
_LOGGED_SECONDS = re.compile(r" epoch (\d+): .*\((\d+) s\)$", re.MULTILINE)
"""As versions before the column `seconds` logged an epoch, counted from 0."""


def read_history(path: Path) -> pd.DataFrame:
    """Read the finished epochs, one row each, counted from 0; empty before the first.

    Lines without an epoch are skipped; a file that is not a table counts as empty.
    """
    empty = pd.DataFrame({"epoch": pd.Series(dtype=int)})
    try:
        texts = pd.read_csv(path, dtype=str)
    except (OSError, ValueError):
        return empty
    if "epoch" not in texts:
        return empty
    table = texts.map(_number)
    epochs: pd.DataFrame = table[table["epoch"].between(0, _MAX_EPOCHS)].astype({"epoch": int})
    return epochs.reset_index(drop=True)


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return math.nan


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Replace the table, whole or not at all; without rows there is none.

    Args:
        path: the table's file.
        rows: `COLUMNS` → value; what a row lacks stays empty.
    """
    if rows:
        table = pd.DataFrame(rows, columns=COLUMNS)
        write_text(path, csv_text(table))
    else:
        path.unlink(missing_ok=True)


def best_row(history: pd.DataFrame, monitor: str) -> pd.Series | None:
    """Return the row of the best epoch, the first of equal ones, whose weights are saved.

    Args:
        history: a run's history, one row per finished epoch.
        monitor: the column that decides; the smallest value of a loss is best, else the largest.

    Returns:
        The row, or None if the column holds no finite number.
    """
    if monitor not in history:
        return None
    values = history[monitor].to_numpy(np.float64) * (-1 if monitor.endswith("loss") else 1)
    finite = np.isfinite(values)
    return history.iloc[int(np.where(finite, values, -np.inf).argmax())] if finite.any() else None


def training_seconds(history: pd.DataFrame, log: Path) -> float | None:
    """Return how long the finished epochs took together, in seconds; None if that is not known.

    Args:
        history: a run's history.
        log: its train.log, read for epochs that an older version trained, which lack `seconds`.
    """
    seconds = history.get("seconds", pd.Series(np.nan, index=history.index))
    if seconds.isna().any():
        try:
            text = log.read_text(errors="replace")
        except OSError:
            text = ""
        logged = {int(epoch): float(each) for epoch, each in _LOGGED_SECONDS.findall(text)}
        seconds = seconds.fillna(history["epoch"].map(logged))
    return None if seconds.isna().all() else float(seconds.sum())
