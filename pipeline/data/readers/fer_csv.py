"""FER-2013's CSV (`emotion`, `pixels`, `Usage` in any order), plain or inside an archive.

Source: Kaggle, "Challenges in Representation Learning: Facial Expression Recognition Challenge".
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.data.dataset import Batch
from pipeline.data.readers.archive import Member, members
from pipeline.data.readers.pixels import PixelError, parse_pixels
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

COLUMNS = ("emotion", "pixels", "Usage")
USAGES = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
_BLOCK_BYTES = 8 * 1024**2


def matches(source: Path) -> bool:
    """Tell whether a source is a CSV file or holds one."""
    return any(member.name.lower().endswith(".csv") for member in members(source))


def read(source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
    """Read a CSV file, or the first one in an archive that has the three columns.

    `split` and `skip_unknown` are for folders of pictures and not used: a CSV names its splits.

    Raises:
        UserError: a column is missing or a row is wrong; names the file and the row.
    """
    missing: UserError | None = None
    found = False
    for member in members(source):
        if found or not member.name.lower().endswith(".csv"):
            continue
        with member.open() as file:
            header = file.readline().decode("utf-8-sig", "replace")
        names = next(csv.reader([header]), [])
        absent = [c for c in COLUMNS if c not in [name.strip() for name in names]]
        if absent:
            missing = missing or UserError(
                f"{member.name} has no column '{absent[0]}': FER-2013's columns are "
                f"{', '.join(COLUMNS)}."
            )
            continue
        found = True
        yield from _read_member(member, names)
    if not found:
        raise missing or UserError(f"{source.name} holds no CSV with {', '.join(COLUMNS)}.")


def _read_member(member: Member, names: list[str]) -> Iterator[Batch]:
    raw = {name.strip(): name for name in names}
    with member.open() as file:
        first = 0
        try:
            reader = pa.csv.open_csv(
                file,
                pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                pa.csv.ParseOptions(newlines_in_values=False),
                pa.csv.ConvertOptions(
                    include_columns=[raw[column] for column in COLUMNS],
                    column_types={name: pa.string() for name in names},
                    strings_can_be_null=False,
                ),
            )
            for block in reader:
                yield _to_batch(member, first, [column.to_pylist() for column in block.columns])
                first += len(block)
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")[:120]
            raise UserError(
                f"{member.name} is no valid CSV at or after row {first + 1} ({reason}): "
                "it may be truncated; fetch it again."
            ) from error
    if not first:
        raise UserError(f"{member.name} has a header and no rows: there is nothing to import.")


def _to_batch(member: Member, first: int, columns: list[list[Any]]) -> Batch:
    emotions, pixels, usages = columns
    labels = [_parse_label(member, first + i, text) for i, text in enumerate(emotions)]
    splits = [_parse_usage(member, first + i, text) for i, text in enumerate(usages)]
    try:
        images = parse_pixels(pixels)
    except PixelError as error:
        raise _wrong(member, first + error.row, str(error)) from error
    return Batch(
        images=images,
        labels=np.array(labels, np.uint8),
        splits=np.array(splits),
        ids=np.array([f"fer{first + i:07d}" for i in range(len(labels))]),
        progress=member.progress(),
    )


def _parse_label(member: Member, row: int, text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and int(word) < len(EMOTIONS)):
        raise _wrong(member, row, f"has the emotion {word!r}, which is not a number from 0 to 6")
    return int(word)


def _parse_usage(member: Member, row: int, text: str) -> str:
    usage = text.strip()
    if usage not in USAGES:
        raise _wrong(member, row, f"has the Usage {usage!r} instead of {', '.join(USAGES)}")
    return USAGES[usage]


def _wrong(member: Member, row: int, reason: str) -> UserError:
    return UserError(
        f"{member.name}, row {row + 1} (line {row + 2}) {reason}: mend or remove that row."
    )
