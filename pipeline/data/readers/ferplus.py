"""FER+ votes of ten annotators a face, joined to FER-2013 by row order.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", https://arxiv.org/abs/1608.01041.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.dataset import VOTES
from pipeline.data.readers.fer_csv import USAGES
from pipeline.errors import UserError


def read_votes(file: Path, splits: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Read the votes of the first rows, uint8 (n, 10) in the order of `VOTES`.

    Args:
        file: `fer2013new.csv` of microsoft/FERPlus.
        splits: the faces' splits (n,) in row order; each row's `Usage` must agree.

    Raises:
        UserError: a column is missing, the file is shorter, or a row does not agree.
    """
    table = _read_table(file)
    n = len(splits)
    if len(table) < n:
        raise UserError(
            f"{file.name} has {len(table):,} rows for {n:,} faces: FER+ joins by row order to the "
            "whole FER-2013 CSV."
        )
    usage = table["Usage"].str.strip()[:n]
    differs = np.flatnonzero(usage.map(USAGES).to_numpy() != splits)
    if len(differs):
        row = int(differs[0])
        raise UserError(
            f"{file.name}, row {row + 1} after the header, is of {usage[row]!r} where the data set "
            f"has '{splits[row]}': FER+ joins by row order to the whole FER-2013 CSV."
        )
    votes = table.loc[: n - 1, list(VOTES)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~(np.isin(votes, np.arange(256))).all(axis=1))
    if len(wrong):
        raise UserError(
            f"{file.name}, row {int(wrong[0]) + 1} after the header, has votes that are no counts."
        )
    return np.asarray(votes, np.uint8)


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{file.name} cannot be read as FER+ votes ({reason}).") from error
    table.columns = table.columns.str.strip()
    for column in ("Usage", *VOTES):
        if column not in table.columns:
            raise UserError(f"{file.name} has no column '{column}': it is no FER+ vote file.")
    return table.reset_index(drop=True)
