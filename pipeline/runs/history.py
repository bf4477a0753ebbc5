"""The table of a run's finished epochs, `history.csv`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.workspace import write_text


def read_history(path: Path) -> pd.DataFrame:
    """Read the finished epochs, one row each, counted from 0; empty before the first.

    Lines that are no epoch are passed over, as is a file that is no table.
    """
    empty = pd.DataFrame({"epoch": pd.Series(dtype=int)})
    try:
        table = pd.read_csv(path).apply(pd.to_numeric, errors="coerce")
    except (OSError, ValueError):
        return empty
    if "epoch" not in table:
        return empty
    epochs: pd.DataFrame = table[np.isfinite(table["epoch"])].astype({"epoch": int})
    return epochs.reset_index(drop=True)


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Replace the table, whole or not at all; without rows there is none."""
    if rows:
        write_text(path, pd.DataFrame(rows).to_csv(index=False))
    else:
        path.unlink(missing_ok=True)
