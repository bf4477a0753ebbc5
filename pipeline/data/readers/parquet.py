"""Reader of Parquet files with a face a row, as the Hugging Face hub has them.

Images are encoded files (`bytes`, alone or in a struct), arrays, or FER-2013's text of pixels. The
names of the classes are those that the hub stores in the schema.
Source: https://huggingface.co/docs/hub/datasets-image
"""

import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, parquet

from pipeline.data.dataset import Batch
from pipeline.data.images import ImageError, decode_gray
from pipeline.data.import_options import Crop, ImportOptions, ImportReport, NoFace, Progress, Survey
from pipeline.data.parallel import map_in_order
from pipeline.data.readers.archive import MAX_UNPACKED_BYTES, Member, members, seekable
from pipeline.data.readers.arrays import image_shape, scale_of, to_gray
from pipeline.data.readers.bad_files import refuse_bad, report_bad
from pipeline.data.readers.pixels import PixelError, parse_pixels, side_of
from pipeline.data.readers.table import (
    FIRST_ROWS,
    Face,
    Row,
    choose_tables,
    find_emotion,
    find_usage,
    read_rows,
    stem_of,
    survey_rows,
    to_batch,
)
from pipeline.errors import UserError

ENDINGS = (".parquet", ".pq")

_IMAGES = ("image", "images", "img", "face", "pixels", "pixel", "picture", "photo", "jpg", "png")
_BATCH_SIZE = 256
_BATCH_BYTES = 64 * 1024**2


class _Columns(NamedTuple):
    """The names of a file's columns, and the names of its classes by their numbers.

    `is_fer2013`: the columns are FER-2013's own, so that numbers mean its emotions.
    """

    emotion: str
    image: str
    usage: str | None
    classes: list[str]
    is_fer2013: bool


def matches(source: Path) -> bool:
    """Return whether a source is a Parquet file or holds one."""
    return any(_is_parquet(member) for member in members(source))


def survey(source: Path, options: ImportOptions, on_progress: Progress) -> Survey:
    """Return the classes and splits that the rows name; see `survey_source`."""
    columns = _all_columns(source)
    chosen = _chosen(source, columns, options)
    found = Survey()
    for member in members(source):
        if member.name in chosen:
            rows = _rows(member, columns[member.name], with_images=False)
            survey_rows(rows, _with_numbers(columns[member.name], options), found, on_progress)
    return found


def read(source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
    """Read the Parquet files of a source that have a label and an image a row.

    A file's splits are those of its column `split`, else that of its own or its folder's name
    (`train-00000-of-00002.parquet`, `train/0000.parquet`), else the option's.

    Args:
        source: a Parquet file, or a folder or archive that holds some.
        options: how to read it.
        report: is told what was skipped.

    Raises:
        UserError: a column is missing, a class or a split means nothing, or too many images are
            bad.
    """
    columns = _all_columns(source)
    chosen = _chosen(source, columns, options)
    report.tables += [name for name in columns if name not in chosen]
    faces = 0
    for member in members(source):
        if split := chosen.get(member.name):
            rows = _rows(member, columns[member.name], with_images=True)
            with_numbers = _with_numbers(columns[member.name], options)
            prefix = f"{stem_of(member.name)}/"
            read_faces = read_rows(rows, split, with_numbers, report)
            scale = _scale(member, columns[member.name].image)
            for good, images in _batches(source, read_faces, scale, options, report):
                yield to_batch(good, images, prefix)
                faces += len(good)
    refuse_bad(source, faces, options, report)
    if not faces:
        raise UserError(f"{source.name} holds no row with an emotion: all of them are skipped.")


def encoded_images(source: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """Yield places and contents of image files spread over the rows of a source, some `limit`."""
    columns = _all_columns(source)
    for member in members(source):
        if member.name in columns:
            with _opened(member) as file:
                step = max(1, len(columns) * file.metadata.num_rows // limit)
            for row in islice(_rows(member, columns[member.name], with_images=True), 0, None, step):
                content = row.image.get("bytes") if isinstance(row.image, dict) else row.image
                if isinstance(content, bytes):
                    yield row.place, content


def _is_parquet(member: Member) -> bool:
    return member.name.lower().endswith(ENDINGS)


def _all_columns(source: Path) -> dict[str, _Columns]:
    columns = {}
    for member in members(source):
        if _is_parquet(member):
            with _opened(member) as file:
                columns[member.name] = _columns_of(member, file)
    return columns


def _chosen(source: Path, columns: dict[str, _Columns], options: ImportOptions) -> dict[str, str]:
    with_usage = [name for name, each in columns.items() if each.usage]
    return choose_tables(source, columns, with_usage, options)


def _with_numbers(columns: _Columns, options: ImportOptions) -> ImportOptions:
    return replace(options, scheme=options.scheme or "fer2013") if columns.is_fer2013 else options


@contextmanager
def _opened(member: Member) -> Iterator[parquet.ParquetFile]:
    """Map a file into memory: Arrow reads it without a thread that could outlive it."""
    with seekable(member) as content:
        if not member.size:
            raise UserError(f"{member.name} is empty: there is nothing to import in it.")
        mapped = mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            file = parquet.ParquetFile(pa.BufferReader(pa.py_buffer(mapped)))
            groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
            if sum(group.total_byte_size for group in groups) > MAX_UNPACKED_BYTES:
                raise UserError(
                    f"{member.name} unpacks to more than {MAX_UNPACKED_BYTES / 1024**3:g} GB, "
                    "which no data set of 48x48 faces needs: divide it."
                )
            yield file
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise UserError(
                f"{member.name} is truncated or damaged ({reason[:100]}): fetch it again."
            ) from error


def _rows_at_once(file: parquet.ParquetFile, most: int = _BATCH_SIZE) -> int:
    """Return how many rows fit into memory, even if all of them repeat one large value.

    A value that repeats is in the file once.
    """
    groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(group.num_columns))
    largest = max((chunk.total_uncompressed_size for chunk in chunks), default=0)
    return max(1, min(most, _BATCH_BYTES // max(1, largest)))


def _columns_of(member: Member, file: parquet.ParquetFile) -> _Columns:
    schema = file.schema_arrow
    names = [name.strip().lower() for name in schema.names]
    rows = _first_texts(file)
    emotion, usage = find_emotion(names, rows), find_usage(names, rows)
    encoded = [i for i, field in enumerate(schema) if _holds_bytes(field.type)]
    named = [names.index(name) for name in _IMAGES if name in names]
    image = next(iter(named or encoded), None)
    if emotion is None or image is None:
        raise UserError(
            f"{member.name} has no column '{'label' if emotion is None else 'image'}': it has "
            f"{', '.join(map(repr, schema.names[:8]))}."
        )
    is_text = pa.types.is_string(schema.field(image).type)
    return _Columns(
        schema.names[emotion],
        schema.names[image],
        None if usage is None else schema.names[usage],
        _class_names(schema, schema.names[emotion]),
        is_text and names[emotion] == "emotion" and names[image] == "pixels",
    )


def _first_texts(file: parquet.ParquetFile) -> list[list[str]]:
    """Return the first rows, with empty cells where a column is no text."""
    schema = file.schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    for batch in file.iter_batches(
        _rows_at_once(file, FIRST_ROWS), columns=texts, use_threads=False
    ):
        rows = batch.to_pylist()
        return [[str(row.get(name) or "") for name in schema.names] for row in rows]
    return []


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_holds_bytes(kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(schema: pa.Schema, column: str) -> list[str]:
    """Return the names of the classes that the hub has stored, none without."""
    with suppress(ValueError, LookupError, TypeError):
        stored = json.loads((schema.metadata or {})[b"huggingface"])
        names = stored["info"]["features"][column]["names"]
        return [str(name) for name in names]
    return []


def _rows(member: Member, columns: _Columns, *, with_images: bool) -> Iterator[Row[Any]]:
    wanted = [columns.emotion, columns.usage, columns.image if with_images else None]
    number = 0
    with _opened(member) as file:
        for batch in file.iter_batches(
            _rows_at_once(file), columns=[name for name in wanted if name], use_threads=False
        ):
            emotions = batch.column(columns.emotion).to_pylist()
            empty = [None] * len(emotions)
            usages = batch.column(columns.usage).to_pylist() if columns.usage else empty
            images = batch.column(columns.image).to_pylist() if with_images else empty
            for emotion, usage, image in zip(emotions, usages, images, strict=True):
                number += 1
                yield Row(
                    f"{member.name}, row {number}",
                    _class_of(emotion, columns.classes),
                    str(usage) if columns.usage else None,
                    image,
                    number / file.metadata.num_rows,
                )
    if not number:
        raise UserError(f"{member.name} has no rows: there is nothing to import.")


def _class_of(value: Any, names: list[str]) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return "" if value is None else str(value).strip()


def _scale(member: Member, column: str) -> int:
    """Return the factor that brings the values of arrays to 0-255; 1 if the images are no arrays.

    Raises:
        UserError: the values are not clearly gray levels.
    """
    limits = []
    with _opened(member) as file:
        kind = file.schema_arrow.field(column).type
        if not _is_list(kind):
            return 1
        for batch in file.iter_batches(_rows_at_once(file), columns=[column], use_threads=False):
            values = batch.column(0)
            while _is_list(values.type):
                values = values.flatten()
            limits.append(compute.min_max(values).as_py())
    try:
        low = min(each["min"] for each in limits if each["min"] is not None)
        high = max(each["max"] for each in limits if each["max"] is not None)
        return scale_of(low, high, "f" if pa.types.is_floating(values.type) else "i")
    except (ImageError, TypeError, ValueError) as error:
        reason = error if isinstance(error, ImageError) else "holds no numbers"
        raise UserError(f"{member.name}: the column {column} {reason}.") from error


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _batches(
    source: Path,
    faces: Iterator[Face[Any]],
    scale: int,
    options: ImportOptions,
    report: ImportReport,
) -> Iterator[tuple[list[Face[Any]], list[NDArray[np.uint8]]]]:
    good: list[Face[Any]] = []
    images: list[NDArray[np.uint8]] = []
    for face, image in map_in_order(partial(_decoded, scale=scale, crop=options.crop), faces):
        if isinstance(image, ImageError):
            report_bad(source, face.place, str(image), options, report)
            continue
        if isinstance(image, NoFace):
            report.no_face[face.place] = str(image)
            continue
        images.append(image)
        good.append(face)
        if len(good) == _BATCH_SIZE:
            yield good, images
            good, images = [], []
    if good:
        yield good, images


def _decoded(
    face: Face[Any], scale: int, crop: Crop | None
) -> tuple[Face[Any], NDArray[np.uint8] | ImageError | NoFace]:
    """Return a row without its cell, and the face in it, or why there is none."""
    without = face._replace(image=None)
    try:
        gray = _gray(face.image, scale)
        return without, crop(gray) if crop else gray
    except (ImageError, NoFace) as error:
        return without, error


def _gray(value: Any, scale: int) -> NDArray[np.uint8]:
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, bytes):
        return decode_gray(value)
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, list):
        return _of_array(value, scale)
    raise ImageError("is not in the file, at most its path")


def _parsed(text: str) -> NDArray[np.uint8]:
    try:
        return np.asarray(parse_pixels([text], side_of(text))[0])
    except PixelError as error:
        raise ImageError(str(error)) from error


def _of_array(value: list[Any], scale: int) -> NDArray[np.uint8]:
    try:
        array = np.asarray(value)[np.newaxis]
    except ValueError as error:
        raise ImageError("has rows of different lengths") from error
    if array.dtype.kind not in "uif" or image_shape(array.shape) is None:
        raise ImageError(f"is an array of shape {array.shape[1:]}")
    return np.asarray(to_gray(array, scale)[0])
