"""FER-2013's CSV (`emotion`, `pixels`, `Usage` in any order), plain or inside an archive.

Source: Kaggle, "Challenges in Representation Learning: Facial Expression Recognition Challenge".
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.data.dataset import Batch
from pipeline.data.readers.archive import members
from pipeline.data.readers.member import Member
from pipeline.data.readers.pixels import PixelError, parse_pixels
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

COLUMNS = ("emotion", "pixels", "Usage")
USAGES = {"Training": "train", "PublicTest": "public_test", "PrivateTest": "private_test"}
_LABELS = {str(label): label for label in range(len(EMOTIONS))}
_TORN_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")  # counts the header
_BLOCK_BYTES = 8 * 1024**2
_HEADER_BYTES = 64 * 1024


def matches(source: Path) -> bool:
    """Tell whether a source is a CSV file or holds one."""
    return any(_is_csv(member) for member in members(source))


def read(source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
    """Read a CSV file, or the first one in an archive that has the three columns.

    `split` and `skip_unknown` are for folders of pictures and not used: a CSV names its splits.

    Raises:
        UserError: a column is missing or a row is wrong; names the file and the row.
    """
    lacking: UserError | None = None
    found = False
    for member in members(source):  # to the end, so that all of an archive is checked
        if found or not _is_csv(member):
            continue
        names = _read_header(member)
        absent = [c for c in COLUMNS if c not in [name.strip() for name in names]]
        if absent:
            lacking = lacking or UserError(
                f"{member.name} has no column '{absent[0]}': FER-2013's columns are "
                f"{', '.join(COLUMNS)}."
            )
            continue
        found = True
        yield from _read_rows(member, names)
    if not found:
        raise lacking or UserError(f"{source.name} holds no CSV with {', '.join(COLUMNS)}.")


def _is_csv(member: Member) -> bool:
    return member.name.lower().endswith(".csv")


def _read_header(member: Member) -> list[str]:
    with member.open() as file:
        text = file.read(_HEADER_BYTES).decode("utf-8-sig", "replace")
    return next(csv.reader([re.split(r"[\r\n]", text, maxsplit=1)[0]]), [])


def _read_rows(member: Member, names: list[str]) -> Iterator[Batch]:
    raw = {name.strip(): name for name in names}
    rows = done = 0
    with member.open() as file:
        try:
            reader = pa.csv.open_csv(
                file,
                pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=[raw[column] for column in COLUMNS],
                    column_types={raw[column]: pa.binary() for column in COLUMNS},
                    strings_can_be_null=False,
                ),
            )
            for block in reader:
                done += block.nbytes
                columns = [_to_texts(column) for column in block.columns]
                yield _to_batch(member, rows, columns, min(1.0, done / member.size))
                rows += len(block)
        except pa.ArrowException as error:
            raise _torn(member, rows, str(error)) from error
    if not rows:
        raise UserError(f"{member.name} has a header and no rows: there is nothing to import.")


def _torn(member: Member, rows: int, message: str) -> UserError:
    if torn := _TORN_ROW.search(message):
        number, expected, actual = torn.groups()
        return _wrong(member, int(number) - 2, f"has {actual} columns instead of {expected}")
    return UserError(f"{member.name} is no valid CSV after row {rows} ({message.splitlines()[0]}).")


def _to_texts(column: pa.Array) -> list[str]:
    return [str(value, "latin-1") for value in column.to_pylist()]


def _to_batch(member: Member, first: int, columns: list[list[str]], progress: float) -> Batch:
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
        progress=progress,
    )


def _parse_label(member: Member, row: int, text: str) -> int:
    label = _LABELS.get(text.strip())
    if label is None:
        reason = f"has the emotion {_short(text)}, which is not a number from 0 to 6"
        raise _wrong(member, row, reason)
    return label


def _parse_usage(member: Member, row: int, text: str) -> str:
    usage = USAGES.get(text.strip())
    if usage is None:
        raise _wrong(member, row, f"has the Usage {_short(text)} instead of {', '.join(USAGES)}")
    return usage


def _short(text: str) -> str:
    return repr(text.strip()[:40])


def _wrong(member: Member, row: int, reason: str) -> UserError:
    return UserError(
        f"{member.name}, row {row + 1} after the header, {reason}: mend or remove that row."
    )
