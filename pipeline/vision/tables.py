"""Tables of recognized faces, written row by row as CSV or Parquet."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.labels import EMOTIONS
from pipeline.storage import csv_cell
from pipeline.vision.boxes import Box

WriteRow = Callable[[Sequence[object]], object]

_BOX = [(name, pa.int32()) for name in Box._fields]
_PREDICTION = [
    ("emotion", pa.string()),
    ("confidence", pa.float32()),
    *((name, pa.float32()) for name in EMOTIONS),
]
PHOTO_SCHEMA = pa.schema(
    [
        *(("path", pa.string()), ("face", pa.int32()), *_BOX, ("cropped", pa.bool_())),
        *(*_PREDICTION, ("problem", pa.string())),
    ]
)
"""A row per face, faces of a photo counted from 1; of a photo without one or with a problem, one
row whose other cells are empty."""

VIDEO_SCHEMA = pa.schema(
    [
        *(("path", pa.string()), ("time_s", pa.float64())),
        *(("frame", pa.int32()), ("track", pa.int32()), *_BOX),
        *(*_PREDICTION, ("problem", pa.string())),
    ]
)
"""A row per face and frame, see `recognize_video`; of a video without one or with a problem, one
row whose other cells are empty."""

_ROWS_IN_MEMORY = 10_000


def csv_row(row: Iterable[object]) -> list[object]:
    """Return the cells of a CSV's row: floats with 4 digits, no formulas, None as empty."""
    return [f"{cell:.4f}" if isinstance(cell, float) else csv_cell(cell) for cell in row]


@contextmanager
def table_writer(file: Path, schema: pa.Schema) -> Iterator[WriteRow]:
    """Yield a function that appends a row to a new table; the same rows give the same bytes.

    Args:
        file: a `.csv`, or a `.parquet`, of which 10,000 rows are in memory at a time.
        schema: names and types of the columns.
    """
    if file.suffix == ".csv":
        with file.open("w", newline="", encoding="utf-8") as text:
            rows = csv.writer(text)
            rows.writerow(schema.names)
            yield lambda row: rows.writerow(csv_row(row))
        return
    waiting: list[Sequence[object]] = []
    with pq.ParquetWriter(file, schema) as table:

        def flush() -> None:
            columns = [list(column) for column in zip(*waiting, strict=True)]
            table.write_table(pa.table(columns, schema=schema))
            waiting.clear()

        def write_row(row: Sequence[object]) -> None:
            waiting.append(row)
            if len(waiting) == _ROWS_IN_MEMORY:
                flush()

        yield write_row
        if waiting:
            flush()
