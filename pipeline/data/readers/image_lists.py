"""Lists of images with their emotions, splits or FER+ votes: RAF-DB's, FER+'s, any CSV.

A list is a text member of the source with a row per image, separated by comma, semicolon, tab or
space, with a header or without.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from os.path import commonprefix
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from pipeline.data.dataset import VOTES
from pipeline.data.images import SUFFIXES
from pipeline.data.import_options import ImportOptions
from pipeline.data.source_names import split_named
from pipeline.data.votes import MAJORITIES, majority
from pipeline.errors import UserError

LIST_SUFFIXES = frozenset((".csv", ".tsv", ".txt", ".lst", ".list"))
NO_EMOTION = frozenset(MAJORITIES[-3:])
"""Majorities of FER+ votes that are no class: such faces are left out."""

_IMAGE_WORDS = ("image", "img", "file", "path", "pth", "picture", "photo", "name", "id")
_LABEL_WORDS = (
    "label",
    "emotion",
    "class",
    "expression",
    "category",
    "target",
    "expr",
    "sentiment",
    "mood",
    "feeling",
)
_SPLIT_WORDS = ("usage", "split", "subset", "set", "partition", "phase")
_ALIGNED = "_aligned"
_RAF_SPLIT = re.compile(r"(train|test)_\d+(?:_aligned)?", re.IGNORECASE)
_EMPTY = "(empty)"
_SAMPLE = 200
_MAX_LINE, _MAX_COLUMNS = 4096, 100
_Row = Sequence[str]
_Meanings = Mapping[str, str | None]


class Listed(NamedTuple):
    """What a list says about an image.

    Args:
        name: the name of its class, or one of `NO_EMOTION`; None if the list only says a split.
        splits: names that say its split: a value of the list, the list itself.
        votes: its FER+ votes in the order of `VOTES`, or None.
        by: the name of the list.
    """

    name: str | None
    splits: tuple[str, ...]
    votes: tuple[int, ...] | None
    by: str


class ImageIndex:
    """Finds the image that a list means by a path, a file name or a name without suffix."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            name = PurePosixPath(path.lower())
            self._by_name[name.name].append(path)
            self._by_stem[name.stem].append(path)

    def has(self, text: str) -> bool:
        """Return whether there is an image with a name."""
        return bool(self.candidates(text))

    def candidates(self, text: str) -> list[str]:
        """Return the images that may be meant by a name."""
        wanted = PurePosixPath(_normalized(text))
        stem = wanted.stem if wanted.suffix in SUFFIXES else wanted.name
        return (
            self._by_stem.get(stem + _ALIGNED)
            or self._by_name.get(wanted.name)
            or self._by_stem.get(stem, [])
        )

    def find(
        self, text: str, folders: str = "", is_likely: Callable[[str], bool] = lambda path: True
    ) -> str | None:
        """Return the image with a name; None if there is none.

        An aligned face of RAF-DB is preferred to the photo it is from. Of images that have one file
        name, the one whose folders agree best is meant, then a likely one, then the one nearest to
        `folders`.

        Raises:
            UserError: several images may be meant.
        """
        wanted, found = PurePosixPath(_normalized(text)), self.candidates(text)
        if not found or len(found) == 1:
            return found[0] if found else None
        ranks = {
            path: (_same_end(path, wanted), is_likely(path), _same_start(path, folders))
            for path in found
        }
        best = [path for path in found if ranks[path] == max(ranks.values())]
        if len(best) > 1:
            raise UserError(
                f"A list names {text.strip()!r}, which may be {best[0]!r} or {best[1]!r}: write "
                "the folders into the list, too."
            )
        return best[0]


def _normalized(text: str) -> str:
    return text.strip().replace("\\", "/").lower()


def _same_end(path: str, wanted: PurePosixPath) -> int:
    here, there = PurePosixPath(path.lower()).parts[-2::-1], wanted.parts[-2::-1]
    return len(commonprefix([here, there]))


def _same_start(path: str, folders: str) -> int:
    return len(commonprefix([PurePosixPath(path).parts, PurePosixPath(folders).parts]))


class ImageList(NamedTuple):
    """Image → what a list says about it, and the names of images that the source lacks."""

    images: dict[str, Listed]
    missing: list[str]


def read_list(
    name: str,
    text: str,
    index: ImageIndex,
    known: Collection[str],
    options: ImportOptions,
) -> ImageList | None:
    """Read a list; None if a text is none.

    A list of images whose classes are known without it is not asked for more than it plainly says.

    Args:
        name: its path in the source.
        text: its content.
        index: the images of the source.
        known: the images whose classes are known.
        options: how names are read.

    Raises:
        UserError: it does not say which of its columns is the emotion, two columns contradict each
            other, or it names an image twice and differently.
    """
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    if any(len(line) > _MAX_LINE for line in lines):
        return None
    best: tuple[int, Callable[[list[str]], list[_Row]], int] | None = None
    for rows_of in _DIALECTS:
        sample = rows_of(lines[:_SAMPLE])
        if rows_of is _DIALECTS[-1] or max(map(len, sample), default=0) > 1:
            hits, column = _image_column(sample, index)
            if hits > (best[0] if best else 0):
                best = hits, rows_of, column
    if best is None:
        return None
    table = _Table(name, best[1](lines), best[2], index, options)
    if table.images() <= set(known):
        with suppress(UserError):
            return table.read_known()
        return None
    return table.read()


def _separated_by(delimiter: str) -> Callable[[list[str]], list[_Row]]:
    return lambda lines: [
        row[:_MAX_COLUMNS]
        for line in lines
        for row in csv.reader([line], delimiter=delimiter, skipinitialspace=True)
    ]


_DIALECTS: tuple[Callable[[list[str]], list[_Row]], ...] = (
    *map(_separated_by, ",;\t|"),
    lambda lines: [line.rsplit(maxsplit=1) for line in lines],  # a path may hold spaces
    lambda lines: [line.split()[:_MAX_COLUMNS] for line in lines],
    lambda lines: [line.split(maxsplit=1) for line in lines],
    lambda lines: [[line.strip()] for line in lines],
)
"""How the lines of a list may be divided; the one is right that names the most images."""


def _image_column(rows: list[_Row], index: ImageIndex) -> tuple[int, int]:
    """Return how many rows name images of the source, and in which column; 0 if none does."""
    width = max(map(len, rows), default=0)
    ranks = {}
    for column in range(width):
        cells = [row[column] for row in rows if len(row) > column]
        hits = sum(map(index.has, cells))
        looks = sum(PurePosixPath(cell.strip().lower()).suffix in SUFFIXES for cell in cells)
        if hits and max(hits, looks) * 2 >= len(rows) - 1:
            titled = _is_titled(cells[0], _IMAGE_WORDS)
            ranks[column] = (hits, looks, titled, len({*cells}))
    column = max(ranks, key=lambda column: ranks[column], default=0)
    return (ranks[column][0] if ranks else 0), column


def _is_titled(cell: str, words: Iterable[str]) -> bool:
    return any(word in _plain(cell) for word in words)


def _titles_split(title: str) -> bool:
    return title in _SPLIT_WORDS or split_named(title.removeprefix("is")) is not None


def _plain(cell: str) -> str:
    return re.sub(r"[^a-z]", "", cell.lower())


class _Table:
    """The rows of a list, and which of its columns say what."""

    def __init__(
        self,
        name: str,
        rows: list[_Row],
        image: int,
        index: ImageIndex,
        options: ImportOptions,
    ) -> None:
        self._name, self._image, self._index, self._options = name, image, index, options
        self._strict = replace(options, skip_unknown=False)
        width = max(map(len, rows))
        padded = [[*map(str.strip, row), *[""] * (width - len(row))] for row in rows]
        first = padded[0][image]
        has_title = not index.has(first) and PurePosixPath(first.lower()).suffix not in SUFFIXES
        self._header = padded[0] if has_title else []
        self._title = [_plain(cell) for cell in self._header]
        self._rows = [row for row in padded[has_title:] if row[image]]
        self._others = [column for column in range(width) if column != image]

    def images(self) -> set[str]:
        """Return the images that the rows may mean."""
        return {path for row in self._rows for path in self._index.candidates(row[self._image])}

    def read_known(self) -> ImageList | None:
        """Return the list without what it lacks, and without splits where folders name them."""
        found = self.read()
        images = found.images if found else {}
        for path, row in images.items():
            if any(map(self._strict.split_of, PurePosixPath(path).parts[:-1])):
                images[path] = row._replace(splits=())
        return ImageList(images, [])

    def read(self) -> ImageList | None:
        """Return the list; None if it says neither class nor split."""
        votes = self._vote_columns()
        flags = self._flag_columns()
        split = self._split_column()
        label = None if votes or flags else self._label_column(split)
        own = [part for part in self._own_names() if self._options.split_of(part)]
        if all(each is None for each in (label, votes, flags, split)) and not own:
            return None
        listed: dict[str, Listed] = {}
        missing = []
        for row in self._rows:
            split_names = [*own, *([] if split is None else [row[split]])]
            path = self._index.find(
                row[self._image], self._name, partial(self._agrees, split_names)
            )
            if path is None:
                missing.append(row[self._image])
                continue
            counts = tuple(int(float(row[column])) for column in votes) if votes else None
            name = self._class_name(row, label, counts, flags)
            splits = split_names if split is not None else [*own, *self._of_rafdb(path, own)]
            new = Listed(name, tuple(splits), counts, self._name)
            if listed.setdefault(path, new) != new:
                raise UserError(
                    f"{self._name} names {row[self._image]!r} twice and differently: correct it."
                )
        return ImageList(listed, missing)

    def _agrees(self, split_names: list[str], path: str) -> bool:
        """Return whether a folder of an image means a split that its list names."""
        meant = set(map(self._strict.split_of, split_names)) - {None}
        return not meant.isdisjoint(map(self._strict.split_of, PurePosixPath(path).parts[:-1]))

    def _own_names(self) -> list[str]:
        path = PurePosixPath(self._name)
        return [*path.parts[:-1], path.stem]

    def _of_rafdb(self, path: str, own: list[str]) -> list[str]:
        """Return the split that begins a file name of RAF-DB, unless folders name one."""
        *folders, name = PurePosixPath(path).parts
        found = _RAF_SPLIT.fullmatch(PurePosixPath(name).stem)
        return (
            [found[1]] if found and not own and not any(map(self._strict.split_of, folders)) else []
        )

    def _class_name(
        self,
        row: _Row,
        label: int | None,
        votes: tuple[int, ...] | None,
        flags: list[int] | None,
    ) -> str | None:
        if label is not None:
            return row[label] or _EMPTY
        if flags is not None:
            return next(self._header[column] for column in flags if float(row[column]))
        if votes is not None:
            return MAJORITIES[majority(np.array([votes], np.uint8))[0]]
        return None

    def _vote_columns(self) -> list[int] | None:
        titles = [vote.lower() for vote in VOTES]
        if self._title and {*titles} <= {*self._title}:
            columns = [self._title.index(title) for title in titles]
        elif (
            not self._title and len(self._others) == len(VOTES) + 1 and self._rows[0][1][:1] == "("
        ):
            columns = self._others[-len(VOTES) :]  # the second column is the face's rectangle
        else:
            return None
        return columns if all(_is_count(row[c]) for row in self._rows for c in columns) else None

    def _flag_columns(self) -> list[int] | None:
        """Return columns that are classes, of which each row has a 1 in one and 0 elsewhere."""
        if not self._header:
            return None
        flags = [c for c in self._others if self._values(c) <= {"0", "1", "0.0", "1.0"}]
        named = any(self._strict.class_of(self._header[column]) for column in flags)
        single = all(sum(float(row[column]) for column in flags) == 1 for row in self._rows)
        return flags if len(flags) > 1 and named and single else None

    def _split_column(self) -> int | None:
        titled = [c for c in self._others if self._title and _titles_split(self._title[c])]
        meant = [c for c in self._others if self._mostly_splits(c)]
        return next(iter([*titled, *meant]), None)

    def _mostly_splits(self, column: int) -> bool:
        splits = [row[column] for row in self._rows if self._strict.split_of(row[column])]
        return len(splits) * 2 > len(self._rows)

    def _values(self, column: int) -> set[str]:
        return {row[column] for row in self._rows}

    def _label_column(self, split: int | None) -> int | None:
        """Return the column of emotions: the one titled so, else the one that names most of them.

        Raises:
            UserError: no column, or several that contradict each other, could be it.
        """
        free = [column for column in self._others if column != split]
        titled = [c for c in free if self._title and _is_titled(self._title[c], _LABEL_WORDS)]
        meanings = {
            c: {v: self._strict.class_of(v) for v in self._values(c)} for c in titled or free
        }
        if not titled and len(free) > 1:  # numbers may be anything
            meanings = {c: m for c, m in meanings.items() if any(m.values()) and not _numbers(m)}
            if not meanings:
                raise UserError(
                    f"{self._name} does not say which of its columns {self._titles(free)} is the "
                    "emotion: name it 'emotion' in a header, or remove the others."
                )
        known = {c: sum(m[row[c]] is not None for row in self._rows) for c, m in meanings.items()}
        best = max(known, key=lambda column: known[column], default=None)
        for other in meanings.keys() - {best}:
            if best is not None and self._contradict(meanings, best, other):
                raise UserError(
                    f"The columns {self._titles(sorted([best, other]))} of {self._name} contradict "
                    "each other: remove one of them, or say what their classes mean."
                )
        return best

    def _contradict(self, meanings: Mapping[int, _Meanings], a: int, b: int) -> bool:
        pairs = {(meanings[a][row[a]], meanings[b][row[b]]) for row in self._rows}
        return any(one and other and one != other for one, other in pairs)

    def _titles(self, columns: list[int]) -> str:
        return " and ".join(self._header[c] if self._header else str(c + 1) for c in columns)


def _numbers(values: Iterable[str]) -> bool:
    return all(re.fullmatch(r"[-+\d.,]*", value) for value in values)


def _is_count(text: str) -> bool:
    try:
        return 0 <= float(text) <= 255
    except ValueError:
        return False
