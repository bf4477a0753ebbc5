"""The rows of a CSV file: any delimiter, with or without a header, plain or gzipped.

Knows nothing of emotions and splits but the names of their columns.
"""

import csv
import gzip
import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, NamedTuple, cast

from pipeline.data.readers.archive import MAX_UNPACKED_BYTES, TABLE_ENDINGS, Member
from pipeline.data.readers.pixels import count_pixels
from pipeline.data.readers.table import (
    FIRST_ROWS,
    NAMES,
    find_column,
    find_emotion,
    find_usage,
    row_error,
)
from pipeline.data.source_names import split_named
from pipeline.errors import UserError

DELIMITERS = (",", ";", "\t", "|")
FER2013_USAGES = ("training", "publictest", "privatetest")

_IMAGE_NAMES = ("image", "images", "img", "face", "faces", "data", "features", "pixel_values")
_NUMBERED = re.compile(r"(?:pixels?|pix|px|p)?[ _.-]?(\d+)")
_EXCEL = re.compile(r"sep=.$", re.IGNORECASE)  # its first line, which names the delimiter
_MIN_PIXELS = 256
_MAX_LINE = 8 * 1024**2
_BUFFER_BYTES = 1024**2
_ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
csv.field_size_limit(_MAX_LINE)


class Layout(NamedTuple):
    """Where the columns of a table are.

    `emotion` and `usage` are positions, None where the table has no such column; `pixels` is one
    position, those of one column a pixel, or empty; `width` the number of columns. `is_fer2013`:
    the columns are FER-2013's own, so that numbers mean its emotions.
    """

    delimiter: str
    has_header: bool
    width: int
    emotion: int | None
    pixels: tuple[int, ...]
    usage: int | None
    is_fer2013: bool

    @property
    def missing(self) -> str | None:
        """The first of the columns that a table must have and this one lacks."""
        if self.emotion is None:
            return "emotion"
        return None if self.pixels else "pixels"


class Table(NamedTuple):
    """An open table: its rows behind the header, each with the fraction read, 0 to 1."""

    layout: Layout
    rows: Iterator[tuple[list[str], float]]


def is_table(member: Member) -> bool:
    """Return whether a member is a CSV by its name."""
    return member.name.lower().endswith(TABLE_ENDINGS)


@contextmanager
def open_table(member: Member) -> Iterator[Table]:
    """Open a CSV; blank lines are no rows.

    Raises:
        UserError: here or while iterating: a row has another number of cells than the first; or
            a gzipped table unpacks to more than 4 GB.
    """
    with member.open() as packed:
        lines = _lines(member, packed)
        first = next((line for line in lines if line.strip() and not _EXCEL.match(line)), "")
        delimiter, header = _header(member, first)
        rows = _rows(member, lines, delimiter)
        first_rows = list(islice(rows, FIRST_ROWS))
        layout = _layout(delimiter, header, first_rows)
        before = [] if layout.has_header else [header]
        data = chain(before, first_rows, rows)
        yield Table(layout, _checked(member, packed, layout, data))


def place_of(member: Member, number: int, has_header: bool = True) -> str:
    """Return where a row is, counted from 0, for messages."""
    return f"{member.name}, row {number + 1}{' after the header' if has_header else ''}"


def _checked(
    member: Member, packed: IO[bytes], layout: Layout, rows: Iterator[list[str]]
) -> Iterator[tuple[list[str], float]]:
    for number, row in enumerate(rows):
        if len(row) != layout.width:
            reason = f"has {len(row)} columns instead of {layout.width}"
            raise row_error(place_of(member, number, layout.has_header), reason)
        yield row, _progress(packed, member)


def _progress(packed: IO[bytes], member: Member) -> float:
    return 1.0 if packed.closed else min(1.0, packed.tell() / max(member.size, 1))


def _lines(member: Member, packed: IO[bytes]) -> Iterator[str]:
    is_packed = member.name.lower().endswith(".gz")
    content = gzip.open(packed) if is_packed else packed
    buffered = io.BufferedReader(cast(io.RawIOBase, content), _BUFFER_BYTES)
    encoding = _ENCODINGS.get(buffered.peek(2)[:2], "utf-8-sig")
    unpacked = 0
    with io.TextIOWrapper(buffered, encoding, "backslashreplace") as text:
        while line := text.readline(_MAX_LINE):
            unpacked += len(line)
            if is_packed and unpacked > MAX_UNPACKED_BYTES:
                raise UserError(
                    f"{member.name} unpacks to more than {MAX_UNPACKED_BYTES / 1024**3:g} GB: "
                    "unpack it first."
                )
            yield line


def _rows(member: Member, lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    number = 0
    for line in lines:
        if '"' in line:
            record = _bounded(chain([line], lines))
            quoted = csv.reader(record, delimiter=delimiter, skipinitialspace=True)
            try:
                yield next(quoted)
            except csv.Error as error:
                place = place_of(member, number)
                raise row_error(place, f"cannot be read ({error})") from error
        elif line.strip():
            yield line.rstrip("\n").split(delimiter)
        else:
            continue
        number += 1


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of one record with quotes, which without its last would be the whole file."""
    length = 0
    while length < _MAX_LINE and (line := next(lines, None)) is not None:
        length += len(line)
        yield line


def _header(member: Member, line: str) -> tuple[str, list[str]]:
    """Return the delimiter by which a first line has the most known names, and its cells."""
    rows = {d: next(_rows(member, iter([line]), d), []) for d in DELIMITERS}
    known = {name for names in NAMES.values() for name in names}
    found = {d: len(known & {_plain(cell) for cell in row}) for d, row in rows.items()}
    if not any(found.values()):  # no header: a cell of pixels is split at no delimiter
        found = {
            d: sum(count_pixels(cell) >= _MIN_PIXELS for cell in row) if len(row) > 1 else 0
            for d, row in rows.items()
        }
    best = max(DELIMITERS, key=lambda delimiter: found[delimiter])
    return best, rows[best]


def _plain(name: str) -> str:
    return name.strip().lower()


def _layout(delimiter: str, header: list[str], first: list[list[str]]) -> Layout:
    names = [_plain(cell) for cell in header]
    emotion, pixels, usage = (find_column(names, column) for column in NAMES)
    if emotion is None and pixels is None and usage is None:
        return _headless(delimiter, header)
    emotion, usage = find_emotion(names, first), find_usage(names, first)
    columns = (pixels,) if pixels is not None else _pixel_columns(names, first[0] if first else [])
    is_fer2013 = pixels is not None and emotion is not None and names[emotion] == "emotion"
    return Layout(delimiter, True, len(header), emotion, columns, usage, is_fer2013)


def _pixel_columns(names: list[str], row: list[str]) -> tuple[int, ...]:
    """Find one column of pixels by what is in it, or one column a pixel by their numbers."""
    for name, cell in zip(names, row, strict=False):
        if name in _IMAGE_NAMES and count_pixels(cell) >= _MIN_PIXELS:
            return (names.index(name),)
    numbered = [(place, _NUMBERED.fullmatch(name)) for place, name in enumerate(names)]
    numbers = {int(match[1]): place for place, match in numbered if match}
    count = len(numbers)
    is_image = count >= _MIN_PIXELS and math.isqrt(count) ** 2 == count
    if not is_image or max(numbers) - min(numbers) != count - 1:
        return ()
    return tuple(numbers[number] for number in sorted(numbers))


def _headless(delimiter: str, cells: list[str]) -> Layout:
    """Take a first row for data where one cell is pixels, one a label and at most one a split."""
    pixels = tuple(i for i, cell in enumerate(cells) if count_pixels(cell) >= _MIN_PIXELS)
    others = [i for i in range(len(cells)) if i not in pixels]
    usages = [i for i in others if split_named(cells[i])]
    emotions = [i for i in others if i not in usages]
    if len(pixels) == 1 and len(usages) <= 1 and len(emotions) == 1:
        usage = usages[0] if usages else None
        is_fer2013 = usage is not None and _plain(cells[usage]) in FER2013_USAGES
        return Layout(delimiter, False, len(cells), emotions[0], pixels, usage, is_fer2013)
    return Layout(delimiter, True, len(cells), None, (), None, False)
