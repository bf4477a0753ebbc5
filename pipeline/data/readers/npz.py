"""Reader of NumPy's `.npz` with arrays of images and labels, as Keras' users have them.

Arrays of Python objects are refused: to load them may run code.
"""

import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice, repeat
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Batch
from pipeline.data.images import ImageError
from pipeline.data.import_options import ImportOptions, ImportReport, Progress, Survey
from pipeline.data.readers.archive import MAX_UNPACKED_BYTES, Member, members, seekable
from pipeline.data.readers.arrays import image_shape, scale_of, to_gray
from pipeline.data.readers.table import (
    NAMES,
    Face,
    Row,
    choose_tables,
    read_rows,
    stem_of,
    survey_rows,
    to_batch,
)
from pipeline.errors import UserError

ENDING = ".npz"

_IMAGES = ("images", "image", "imgs", "img", "faces", "face", "pixels", "data", "x")
_LABELS = ("labels", "label", "emotions", "emotion", "targets", "target", "classes", "class", "y")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_NO_HEADER = (ValueError, LookupError, TypeError, TokenError, RecursionError, MemoryError)
_BATCH_VALUES = 4 * 1024**2
_MAX_CLASSES = 64
_MAX_LABEL_BYTES = 4096
_MAX_FORTRAN_BYTES = 512 * 1024**2


class _Array(NamedTuple):
    """An array of a file: its name and member, where its data starts there, and its layout."""

    name: str
    info: zipfile.ZipInfo
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool


class _Pair(NamedTuple):
    """Images with their labels; `split` is what their names say of it, empty without.

    `usage` holds a split an image where the file has such an array, and no name says it.
    """

    images: _Array
    labels: _Array
    split: str
    usage: _Array | None

    @property
    def arrays(self) -> list[_Array]:
        """The arrays that are read."""
        return [self.images, self.labels, *([self.usage] if self.usage else [])]


def matches(source: Path) -> bool:
    """Return whether a source is an `.npz` or holds one."""
    return any(_is_npz(member) for member in members(source))


def survey(source: Path, options: ImportOptions, on_progress: Progress) -> Survey:
    """Return the classes that the labels name; see `survey_source`."""
    found = Survey()
    chosen = _chosen(source, options)
    for member in members(source):
        if member.name in chosen:
            with _opened(member) as file:
                for pair in _pairs(member, file, options):
                    rows = _rows(member, file, pair, with_images=False)
                    survey_rows(rows, options, found, on_progress)
    return found


def read(source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
    """Read the arrays of images and labels.

    They may be `images` and `labels`, `x_train`, `y_train`, `x_test` and `y_test`, or names like
    these; images (n, h, w), with 1 or 3 colors last or first, or flat, 0-255 or shares of 1;
    labels numbers, names or one-hot rows.

    Args:
        source: an `.npz`, or a folder or archive that holds some.
        options: how to read it.
        report: is told what was skipped.

    Raises:
        UserError: the arrays are others, or a class means nothing.
    """
    chosen = _chosen(source, options)
    report.tables += [m.name for m in members(source) if _is_npz(m) and m.name not in chosen]
    faces = 0
    for member in members(source):
        if split := chosen.get(member.name):
            with _opened(member) as file:
                pairs = _pairs(member, file, options)
                read = {array.info for pair in pairs for array in pair.arrays}
                report.tables += [
                    f"{member.name}: {info.filename}"
                    for info in file.infolist()
                    if info not in read
                ]
                for pair in pairs:
                    stem = f"{stem_of(member.name)}/" if len(chosen) > 1 else ""
                    prefix = f"{stem}{pair.images.name}/"
                    for batch in _read_pair(member, file, pair, prefix, split, options, report):
                        faces += len(batch.labels)
                        yield batch
    if not faces:
        raise UserError(f"{source.name} holds no face with an emotion: all of them are skipped.")


def _is_npz(member: Member) -> bool:
    return member.name.lower().endswith(ENDING)


def _chosen(source: Path, options: ImportOptions) -> dict[str, str]:
    names = [member.name for member in members(source) if _is_npz(member)]
    return choose_tables(source, names, [], options)


@contextmanager
def _opened(member: Member) -> Iterator[zipfile.ZipFile]:
    with seekable(member) as content, zipfile.ZipFile(content) as file:
        if any(info.compress_type == zipfile.ZIP_LZMA for info in file.infolist()):
            raise UserError(f"{member.name} is packed by LZMA: save it by np.savez_compressed.")
        if sum(info.file_size for info in file.infolist()) > MAX_UNPACKED_BYTES:
            raise UserError(
                f"{member.name} unpacks to more than {MAX_UNPACKED_BYTES / 1024**3:g} GB, which "
                "no data set of 48x48 faces needs: divide it."
            )
        yield file


def _pairs(member: Member, file: zipfile.ZipFile, options: ImportOptions) -> list[_Pair]:
    """Find images with labels by the names of the arrays, or two arrays by their shapes."""
    arrays = [_header(member, file, info) for info in file.infolist()]
    images: dict[str, _Array] = {}
    labels: dict[str, _Array] = {}
    for array in arrays:
        for words, found in ((_IMAGES, images), (_LABELS, labels)):
            rest = _rest(array.name.lower(), words, options)
            if rest is not None:
                found.setdefault(rest, array)
    if len(arrays) == 2 and not images and not labels:
        by_dimensions = sorted(arrays, key=lambda array: -len(array.shape))
        images, labels = ({"": array} for array in by_dimensions)
    usage = next((array for array in arrays if array.name.lower() in NAMES["Usage"]), None)
    pairs = [
        _Pair(images[rest], labels[rest], rest, None if rest else usage)
        for rest in images
        if rest in labels
    ]
    if not pairs:
        raise UserError(
            f"{member.name} has the arrays {', '.join(each.name for each in arrays[:8])}: name "
            "them 'images' and 'labels', or 'x_train', 'y_train', 'x_test' and 'y_test'."
        )
    for pair in pairs:
        if problem := _problem(pair):
            raise UserError(f"{member.name}: {problem}.")
    return pairs


def _rest(name: str, words: tuple[str, ...], options: ImportOptions) -> str | None:
    """Return what an array's name says besides one of the words, nothing or a split; else None."""
    for word in words:
        for pattern in (rf"{word}[ _.-]*(.*)", rf"(.*?)[ _.-]*{word}"):
            match = re.fullmatch(pattern, name)
            if match and (not match[1] or options.split_of(match[1])):
                return match[1]
    return None


def _header(member: Member, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Array:
    with file.open(info) as content, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of files that Python 2 wrote
        try:
            version = np.lib.format.read_magic(content)
            shape, is_fortran, dtype = _HEADERS[version](content)
            start = content.tell()
        except _NO_HEADER as error:
            raise UserError(f"{member.name}: {info.filename!r} is no array of NumPy.") from error
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != info.file_size - start:
        raise UserError(f"{member.name}: {info.filename!r} is truncated or damaged.")
    return _Array(info.filename.removesuffix(".npy"), info, start, shape, dtype, is_fortran)


def _problem(pair: _Pair) -> str | None:
    images, labels = pair.images, pair.labels
    for array in pair.arrays:
        if array.dtype.hasobject:
            return (
                f"{array.name} holds Python objects, which may run code when they are loaded: "
                "save it with a dtype such as uint8"
            )
        if array.is_fortran and math.prod(array.shape) * array.dtype.itemsize > _MAX_FORTRAN_BYTES:
            return (
                f"{array.name} is in Fortran's order and of more than "
                f"{_MAX_FORTRAN_BYTES // 1024**2} MB: save what np.ascontiguousarray makes of it"
            )
        if array is not images and array.dtype.itemsize > _MAX_LABEL_BYTES:
            return f"{array.name} is {array.dtype}: such long labels are not read"
    if images.dtype.kind not in "uif" or image_shape(images.shape) is None:
        return (
            f"{images.name} is {images.dtype} of shape {images.shape}: images are numbers of shape "
            "(n, h, w), (n, h, w, 1 or 3), (n, 1 or 3, h, w), or (n, h·w) if they are square"
        )
    is_column = len(labels.shape) == 1 or (len(labels.shape) == 2 and labels.shape[1] == 1)
    is_one_hot = len(labels.shape) == 2 and labels.shape[1] <= _MAX_CLASSES
    if labels.dtype.kind not in "uifUS" or not (is_column or is_one_hot):
        return f"{labels.name} is {labels.dtype} of shape {labels.shape}: give one label an image"
    if images.shape[0] != labels.shape[0] or not images.shape[0]:
        return f"{images.name} has {images.shape[0]:,} images, {labels.name} {labels.shape[0]:,}"
    if pair.usage and pair.usage.shape != images.shape[:1]:
        return f"{pair.usage.name} is of shape {pair.usage.shape}: give one split an image"
    return None


def _read_pair(
    member: Member,
    file: zipfile.ZipFile,
    pair: _Pair,
    prefix: str,
    split: str,
    options: ImportOptions,
    report: ImportReport,
) -> Iterator[Batch]:
    scale = _scale(member, file, pair.images)
    rows = _rows(member, file, pair, with_images=True)
    for faces in _grouped(read_rows(rows, split, options, report), _rows_of(pair.images)):
        images = to_gray(np.stack([face.image for face in faces]), scale)
        yield to_batch(faces, images, prefix)


def _grouped(faces: Iterator[Face[Any]], size: int) -> Iterator[list[Face[Any]]]:
    while group := list(islice(faces, size)):
        yield group


def _scale(member: Member, file: zipfile.ZipFile, images: _Array) -> int:
    limits = [(part.min(), part.max()) for part in _parts(file, images, _rows_of(images))]
    low, high = min(limit[0] for limit in limits), max(limit[1] for limit in limits)
    if any(np.isnan(limit).any() for limit in limits):
        low = high = math.nan
    try:
        return scale_of(float(low), float(high), images.dtype.kind)
    except ImageError as error:
        raise UserError(f"{member.name}: {images.name} {error}.") from error


def _rows(
    member: Member, file: zipfile.ZipFile, pair: _Pair, *, with_images: bool
) -> Iterator[Row[Any]]:
    size, count = _rows_of(pair.images), pair.images.shape[0]
    images: Iterator[Iterable[Any]] = repeat(repeat(None))
    if with_images:
        images = _parts(file, pair.images, size)
    number = 0
    splits: Iterator[Iterable[str | None]] = repeat(repeat(pair.split or None))
    if usage := pair.usage:
        splits = (_words(member, usage, part) for part in _parts(file, usage, size))
    labels = (_words(member, pair.labels, part) for part in _parts(file, pair.labels, size))
    for of_part in zip(images, labels, splits, strict=False):
        for image, word, split in zip(*of_part, strict=False):
            number += 1
            place = f"{member.name}, {pair.images.name} {number}"
            yield Row(place, word, split, image, number / count)


def _rows_of(images: _Array) -> int:
    return max(1, _BATCH_VALUES // math.prod(images.shape[1:]))


def _parts(file: zipfile.ZipFile, array: _Array, rows: int) -> Iterator[NDArray[Any]]:
    """Yield an array some rows at a time."""
    size = math.prod(array.shape[1:]) * array.dtype.itemsize
    with file.open(array.info) as content:
        content.read(array.start)
        if array.is_fortran:  # in columns: no row is whole before the end
            whole = np.frombuffer(content.read(), array.dtype).reshape(array.shape, order="F")
            yield from (whole[first : first + rows] for first in range(0, len(whole), rows))
            return
        for first in range(0, array.shape[0], rows):
            count = min(rows, array.shape[0] - first)
            data = np.frombuffer(content.read(count * size), array.dtype)
            yield data.reshape(count, *array.shape[1:])


def _words(member: Member, array: _Array, labels: NDArray[Any]) -> list[str]:
    """Return labels as classes are written: names, or whole numbers."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise UserError(
                f"{member.name}: a row of {array.name} is not one-hot: give one class an image."
            )
        labels = labels.argmax(axis=1)
    if labels.dtype.kind == "S":
        return [label.decode("utf-8", "backslashreplace").strip() for label in labels]
    if labels.dtype.kind == "f":
        return [str(int(x)) if x.is_integer() else str(x) for x in labels.astype(float).tolist()]
    return [str(label).strip() for label in labels.tolist()]
