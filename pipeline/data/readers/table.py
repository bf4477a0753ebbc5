"""Tables of faces, whatever their file: which of them to read, and what their rows mean."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Batch
from pipeline.data.images import to_face
from pipeline.data.import_options import (
    OTHERS,
    SKIP,
    ImportOptions,
    ImportReport,
    Meaning,
    Progress,
    Survey,
)
from pipeline.data.source_names import class_parts, split_named
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, label_of

NAMES = {
    "emotion": (
        *("emotion", "emotions", "label", "labels", "class", "expression", "target"),
        *("emotion_name", "label_name", "class_name"),
    ),
    "pixels": ("pixels", "pixel"),
    "Usage": ("usage", "split", "set", "subset", "partition"),
}
"""FER-2013's name of a column → its names in other tables, in lower case."""

FIRST_ROWS = 20
"""How many rows show what is in a column."""

_MAX_NAME = 100
_SHARD = re.compile(r"[-_.]\d+-of-\d+(-[0-9a-f]+)?$")

Image = TypeVar("Image")


class Row(NamedTuple, Generic[Image]):
    """A row: where it is, for messages; its class; its `Usage`, None without one; its image.

    `progress` is the fraction of its table that has been read, 0 to 1.
    """

    place: str
    emotion: str
    usage: str | None
    image: Image
    progress: float


class Face(NamedTuple, Generic[Image]):
    """A row that is read: its number, counted from 0, and what it means."""

    number: int
    place: str
    label: int
    split: str
    image: Image
    progress: float


def find_column(names: list[str], column: str) -> int | None:
    """Return the position of one of FER-2013's columns among names in lower case, None without."""
    return next((names.index(name) for name in NAMES[column] if name in names), None)


def find_emotion(names: list[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the position of the column of emotions, None without.

    Of several, one that holds words is clearer than one of numbers.

    Args:
        names: the names of the columns, in lower case.
        rows: the first rows.
    """
    titled = [names.index(name) for name in NAMES["emotion"] if name in names]
    words = [i for i in titled if any(map(_is_emotion, _column(rows, i)))]
    return next(iter([*words, *titled]), None)


def find_usage(names: list[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the position of the column of splits by its name or by what is in it, None without.

    Args:
        names: the names of the columns, in lower case.
        rows: the first rows.
    """
    titled = find_column(names, "Usage")
    if titled is not None:
        return titled
    flags = [i for i, name in enumerate(names) if split_named(name.removeprefix("is"))]
    meant = [i for i in range(len(names)) if any(map(_is_split, _column(rows, i)))]
    return next(iter([*meant, *flags]), None)


def _column(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    return [row[column][:_MAX_NAME] for row in rows if len(row) > column]


def _is_emotion(cell: str) -> bool:
    return label_of(class_parts(cell)[1]) is not None


def _is_split(cell: str) -> bool:
    return split_named(cell) is not None


def choose_tables(
    source: Path, tables: Iterable[str], with_usage: Iterable[str], options: ImportOptions
) -> dict[str, str]:
    """Return the tables to read, each with the split of its rows that name none.

    Tables whose files or folders are named after splits are parts of one data set, as are those
    whose names differ in digits only. Of other tables with a `Usage`, the first is read.

    Args:
        source: holds the tables.
        tables: the members that are tables.
        with_usage: those of them whose rows name their splits.
        options: say which split a name means.

    Raises:
        UserError: several tables could be meant.
    """
    whole = list(with_usage)
    named = {name: split for name in tables if (split := _split_of(name, options))}
    if whole and not set(whole) <= set(named):
        parts = [name for name in whole if _without_digits(name) == _without_digits(whole[0])]
        return dict.fromkeys(parts, options.split)
    if named:
        return named
    unnamed = list(tables)
    if len({_without_digits(name) for name in unnamed}) > 1:
        raise UserError(
            f"{source.name} holds {len(unnamed)} tables and none of {', '.join(unnamed[:3])} "
            "names a split: import one of them alone."
        )
    return dict.fromkeys(unnamed, options.split)


def _split_of(name: str, options: ImportOptions) -> str | None:
    """Return the split that the name of a table's file means, or that of a folder above it."""
    path = PurePosixPath(name)
    words = [_SHARD.sub("", stem_of(path.name)), *(folder.name for folder in path.parents)]
    splits = (options.split_of(word) for word in words if word)
    return next((split for split in splits if split), None)


def stem_of(name: str) -> str:
    """Return a table's name without its ending."""
    return re.sub(r"\.[a-z]+(\.gz)?$", "", name, flags=re.IGNORECASE)


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "", name)


def read_rows(
    rows: Iterable[Row[Image]], split: str, options: ImportOptions, report: ImportReport
) -> Iterator[Face[Image]]:
    """Yield the rows whose class is not skipped.

    Args:
        rows: all rows of a table.
        split: that of rows without a `Usage`.
        options: say what classes and splits mean.
        report: is told which classes were skipped.

    Raises:
        UserError: the class or the split of a row is unknown.
    """
    class_of, split_of = _meanings(options)
    for number, row in enumerate(rows):
        emotion = class_of(row.emotion)
        if emotion == SKIP:
            report.classes[row.emotion] += 1
            continue
        row_split = split if row.usage is None else split_of(row.usage)
        if emotion is None:
            raise _unknown_class(row)
        if row_split is None:
            raise _unknown_split(row)
        label = EMOTIONS.index(emotion)
        yield Face(number, row.place, label, row_split, row.image, row.progress)


def survey_rows(
    rows: Iterable[Row[Image]],
    options: ImportOptions,
    survey: Survey,
    on_progress: Progress,
    face_of: Callable[[Image], NDArray[np.uint8]] | None = None,
) -> None:
    """Add the classes and splits that rows name; see `survey_source`.

    Args:
        rows: all rows of a table.
        options: say what classes and splits mean.
        survey: is added to.
        on_progress: called with the fraction of the table that has been read.
        face_of: makes a face, uint8 (48, 48), of a row's image, or raises `ValueError`.
    """
    class_of, split_of = _meanings(options)
    classes: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    examples: dict[str, NDArray[np.uint8]] = {}
    for row in rows:
        on_progress(row.progress)
        classes[row.emotion] += 1
        if row.usage is not None and class_of(row.emotion) != SKIP:
            splits[row.usage] += 1
        if face_of and row.emotion not in examples:
            with suppress(ValueError):
                examples[row.emotion] = face_of(row.image)
    for counts, meaning_of, known in (
        (classes, class_of, survey.classes),
        (splits, split_of, survey.splits),
    ):
        for name, faces in counts.items():
            before = known[name].faces if name in known else 0
            known[name] = Meaning(before + faces, meaning_of(name), examples.get(name))


def _meanings(
    options: ImportOptions,
) -> tuple[Callable[[str], str | None], Callable[[str], str | None]]:
    others = options.split_map.get(OTHERS)
    return cache(options.class_of), cache(lambda usage: options.split_of(usage) or others)


def _unknown_class(row: Row[Image]) -> UserError:
    reason = f"has the emotion {_short(row.emotion)}, which is none of {', '.join(EMOTIONS)}"
    say = "--map or --classes" if row.emotion[:1].isdigit() else "--map"
    return row_error(
        row.place,
        reason,
        f"leave such rows out by --skip-unknown, or say what it means by {say}",
        on_page="say what it means, or skip it",
    )


def _unknown_split(row: Row[Image]) -> UserError:
    return row_error(
        row.place,
        f"has the Usage {_short(row.usage or '')}, which names no split",
        "say which split it means by --split-map",
        on_page="say which it means",
    )


def _short(text: str) -> str:
    return repr(text.strip()[:40])


def row_error(
    place: str, reason: str, cure: str = "correct or remove that row", on_page: str = ""
) -> UserError:
    """Return the refusal of a row, with its cure for the command line and for the page."""
    sentence = f"{place}, {reason}: "
    return UserError(f"{sentence}{cure}.", on_page=f"{sentence}{on_page or cure}.")


def to_batch(faces: list[Face[Image]], images: Iterable[NDArray[np.uint8]], prefix: str) -> Batch:
    """Return some faces, resized to 48x48.

    Args:
        faces: at least one.
        images: their gray images, uint8 (h, w).
        prefix: the start of the faces' ids, before their row.
    """
    return Batch(
        images=np.stack([to_face(image) for image in images]),
        labels=np.array([face.label for face in faces], np.uint8),
        splits=np.array([face.split for face in faces]),
        ids=np.array([f"{prefix}{face.number:07d}" for face in faces]),
        progress=faces[-1].progress,
    )
