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
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} cannot be read as FER+ votes ({error}).") from error
    table.columns = table.columns.str.strip()
    for column in ("Usage", *VOTES):
        if column not in table.columns:
            raise UserError(f"{file.name} has no column '{column}': it is no FER+ vote file.")
    n = len(splits)
    if len(table) < n:
        raise UserError(
            f"{file.name} has {len(table):,} rows for {n:,} faces: FER+ joins by row order to the "
            "whole FER-2013 CSV."
        )
    usage = table["Usage"].astype(str).str.strip().map(USAGES).to_numpy()[:n]
    differs = np.flatnonzero(usage != splits)
    if len(differs):
        row = int(differs[0])
        raise UserError(
            f"{file.name}, row {row + 1} (line {row + 2}) is of '{usage[row]}' where the data set "
            f"has '{splits[row]}': FER+ joins by row order to the whole FER-2013 CSV."
        )
    votes = table.loc[: n - 1, list(VOTES)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~((votes >= 0) & (votes <= 255)).all(axis=1))
    if len(wrong):
        row = int(wrong[0])
        raise UserError(
            f"{file.name}, row {row + 1} (line {row + 2}) has votes that are no counts."
        )
    return votes.astype(np.uint8)
