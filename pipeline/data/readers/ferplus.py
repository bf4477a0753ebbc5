"""FER+ votes of ten annotators for each face, joined to FER-2013 by row order.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", https://arxiv.org/abs/1608.01041.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.dataset import VOTES
from pipeline.data.source_names import split_named
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, label_of

CONFIRMED = {
    "angry": 0.467,
    "disgust": 0.305,
    "fear": 0.125,
    "happy": 0.916,
    "sad": 0.404,
    "surprise": 0.798,
    "neutral": 0.865,
}
"""Share of FER-2013's labels that the majority of the votes confirms, over 32,298 faces."""

_ROWS = 100  # of which the agreement is looked at together
_STEP = 50
_RARE = 3e-6
_OTHER = len(EMOTIONS)


def read_votes(
    file: Path,
    ids: NDArray[np.str_],
    labels: NDArray[np.uint8],
    splits: NDArray[np.str_],
    *,
    force: bool = False,
) -> NDArray[np.uint8]:
    """Read the votes of a CSV's faces, uint8 (n, 10) in the order of `VOTES`.

    Args:
        file: `fer2013new.csv` of microsoft/FERPlus.
        ids: the faces' ids (n,), which hold their rows.
        labels: the faces' labels (n,).
        splits: the faces' splits (n,); each row's `Usage` must agree.
        force: join the votes even if splits and majorities do not agree.

    Raises:
        UserError: a column is missing, the file is shorter, a row's split does not agree, or the
            majority of the votes is the label too seldom for votes on the same faces.
    """
    table = _read_table(file)
    rows = _rows_of(ids)
    if len(table) <= rows.max():
        raise UserError(
            f"{file.name} has {len(table):,} rows for {rows.max() + 1:,} faces: FER+ joins by row "
            "order to the whole FER-2013 CSV."
        )
    table = table.loc[rows]
    if not force:
        _check_usage(file, table["Usage"].str.strip(), splits)
    votes = table[list(VOTES)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~(np.isin(votes, np.arange(256))).all(axis=1))
    if len(wrong):
        row = int(rows[wrong[0]]) + 1
        raise UserError(f"{file.name}, row {row} after the header, has votes that are not counts.")
    counts = np.asarray(votes, np.uint8)
    if not force:
        _check_agreement(file, counts, labels, rows)
    return counts


def _rows_of(ids: NDArray[np.str_]) -> NDArray[np.intp]:
    try:
        return np.array([int(face_id.removeprefix("fer")) for face_id in ids.tolist()], np.intp)
    except ValueError as error:
        raise UserError(
            "FER+ votes join to the rows of one CSV: import that alone, without the others in its "
            "archive."
        ) from error


def _check_usage(file: Path, usage: pd.Series, splits: NDArray[np.str_]) -> None:
    expected = usage.map({name: split_named(name) for name in usage.unique()})
    differs = np.flatnonzero(expected.to_numpy() != splits)
    if len(differs):
        row, split = int(usage.index[differs[0]]), splits[differs[0]]
        raise _differ(
            f"{file.name}, row {row + 1} after the header, has the Usage {usage[row]!r} where the "
            f"data set has '{split}': FER+ joins by row order to the whole FER-2013 CSV"
        )


def _check_agreement(
    file: Path, votes: NDArray[np.uint8], labels: NDArray[np.uint8], rows: NDArray[np.intp]
) -> None:
    """Refuse votes whose majority is the label so seldom that they are on other faces.

    Some rows together are refused if they agree in less than halfway from what the frequencies of
    labels and majorities give by chance to what FER+ has, and if that is too rare to be chance.
    """
    from scipy.special import bdtr  # binomial distribution; slow to load

    emotions = np.array([label if (label := label_of(v)) is not None else _OTHER for v in VOTES])
    majority = emotions[votes.argmax(axis=1)]
    frequency = np.bincount(labels, minlength=_OTHER) / len(labels)
    by_chance = frequency @ (np.bincount(majority, minlength=_OTHER + 1)[:_OTHER] / len(labels))
    usual = frequency @ np.array([CONFIRMED[emotion] for emotion in EMOTIONS])

    agrees = np.concatenate([[0], np.cumsum(majority == labels)])
    size = min(_ROWS, len(labels))
    first = np.append(np.arange(0, len(labels) - size, _STEP), len(labels) - size)
    found = agrees[first + size] - agrees[first]
    worst = int(found.argmin())
    share = found[worst] / size
    if share < (by_chance + usual) / 2 and bdtr(found[worst], size, usual) < _RARE:
        start, end = rows[first[worst]] + 1, rows[first[worst] + size - 1] + 1
        raise _differ(
            f"{file.name} is on other faces: the majority of the votes is the label of "
            f"{agrees[-1] / len(labels):.1%} of the faces ({share:.1%} in rows {start:,} to "
            f"{end:,}), by chance of {by_chance:.1%}, on the right faces of about {usual:.0%}: "
            "import FER-2013's rows in their original order, none missing"
        )


def _differ(sentence: str) -> UserError:
    cure = "or join the votes all the same by --force-votes"
    on_page = "or say under Options that they are joined all the same"
    return UserError(f"{sentence}, {cure}.", on_page=f"{sentence}, {on_page}.")


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{file.name} cannot be read as FER+ votes ({reason}).") from error
    table.columns = table.columns.str.strip()
    for column in ("Usage", *VOTES):
        if column not in table.columns:
            raise UserError(f"{file.name} has no column '{column}': it is not a FER+ vote file.")
    return table.reset_index(drop=True)
