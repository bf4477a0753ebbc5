"""What a person says about a source whose names do not say it, and what its import skipped."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SPLITS
from pipeline.data.source_names import class_parts, split_named
from pipeline.errors import UserError
from pipeline.labels import CODES, EMOTIONS, SCHEMES, label_of

SKIP = "skip"
"""In place of an emotion: leave the faces of a class out."""

OTHERS = "*"
"""In place of a folder or `Usage`: all whose names mean no split."""

BAD_FILES = ("few", "none", "any")
"""How many images may fail to decode: a few (5%), none (`--strict`), any number (`--skip-bad`)."""

LABELS_FROM = ("folders", "lists")
"""Which is right where a list and the folders of images contradict each other; by default neither,
and the source is refused."""

Progress = Callable[[float], None]
"""Is called with the fraction done, 0 to 1."""

Crop = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""From a gray image, uint8 (h, w), to the face in it, uint8 (48, 48). Raises `NoFace`."""


class NoFace(Exception):
    """A photo that holds no face, or several; the message says which."""


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import.

    Args:
        split: the split of faces for which the source names none.
        split_map: name of a folder or `Usage`, in lower case → split; `OTHERS` → the split of those
            whose names mean none.
        class_map: name or number of a class, in lower case → emotion or `SKIP`.
        scheme: one of `SCHEMES`, by which the numbers of classes are read; empty for none.
        labels_from: one of `LABELS_FROM`.
        skip_unknown: skip classes that name no emotion instead of refusing the source.
        bad_files: one of `BAD_FILES`.
        crop: crops the face out of a photo; None takes every image for a face.
        crop_for: makes `crop` for the file or folder that is read, which Kaggle's is not before it
            is downloaded.

    Raises:
        UserError: a split, an emotion or the scheme is unknown; names the choices.
    """

    split: str = "train"
    split_map: Mapping[str, str] = field(default_factory=dict)
    class_map: Mapping[str, str] = field(default_factory=dict)
    scheme: str = ""
    labels_from: str = ""
    skip_unknown: bool = False
    bad_files: str = "few"
    crop: Crop | None = None
    crop_for: Callable[[Path], Crop | None] | None = None

    def __post_init__(self) -> None:
        for split in (self.split, *self.split_map.values()):
            _check("split", split, SPLITS)
        for emotion in self.class_map.values():
            _check("emotion", emotion, (*EMOTIONS, SKIP))
        if self.scheme:
            _check("scheme", self.scheme, tuple(SCHEMES))
        if self.labels_from:
            _check("source of labels", self.labels_from, LABELS_FROM)

    def class_of(self, name: str) -> str | None:
        """Return the emotion that a class means, `SKIP` for one to leave out, None if unknown.

        The class may be a folder, a label of a CSV or of a list: a word, a number, a word behind a
        number ("0_angry", where the word counts), or a code of JAFFE. What `class_map` names
        goes first; numbers mean something by it or by `scheme` only.

        Raises:
            UserError: the word and its number, by the scheme, name different emotions.
        """
        emotion = self._named(name)
        return emotion or (SKIP if self.skip_unknown else None)

    def _named(self, name: str) -> str | None:
        number, word = class_parts(name)
        digits = "" if number is None else str(number)
        for key in (name.strip().lower(), word, digits):
            if key in self.class_map:
                return self.class_map[key]
        by_number = SCHEMES[self.scheme].get(digits) if self.scheme else None
        if not word:
            return self._word(by_number or "")
        emotion = self._word(word)
        if self.scheme and digits and emotion and by_number != emotion:
            what = (
                f"The class {name!r} names {emotion}, but {digits} is {by_number or 'no class'} in "
                f"the scheme {self.scheme}: choose another scheme"
            )
            raise UserError(
                f"{what}, or say --map {name}=EMOTION.", on_page=f"{what}, or say what it means."
            )
        return emotion

    def _word(self, word: str) -> str | None:
        if word in self.class_map:
            return self.class_map[word]
        label = label_of(word)
        return CODES.get(word) if label is None else EMOTIONS[label]

    def split_of(self, name: str) -> str | None:
        """Return the split that a folder or a `Usage` means; None if it means none for sure.

        What `split_map` names goes first, without `OTHERS`.
        """
        return self.split_map.get(name.strip().lower()) or split_named(name)


def _check(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"Unknown {what} '{value}'. Choose from: {', '.join(choices)}.")


@dataclass
class ImportReport:
    """What an import has skipped so far.

    Args:
        classes: class that was skipped → number of its images.
        bad: name of an image that does not decode, or that is missing → why.
        no_face: name of a photo that holds no face, or several → which.
        not_images: names of files that are no images.
        tables: names of tables and archives that were not read, as others hold the data set or they
            lack labels.
    """

    classes: Counter[str] = field(default_factory=Counter)
    bad: dict[str, str] = field(default_factory=dict)
    no_face: dict[str, str] = field(default_factory=dict)
    not_images: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """The number of images that were skipped."""
        return self.classes.total() + len(self.bad) + len(self.no_face)

    def problems(self) -> list[str]:
        """Return a line for each image that was skipped though its class is known."""
        return [f"{name}: {why}" for name, why in (self.bad | self.no_face).items()]

    def lines(self) -> list[str]:
        """Return the lines of an import's log."""
        return [
            *(f"skipped class {name}: {count:,}" for name, count in self.classes.items()),
            *self.problems(),
            *(f"{name}: is no image" for name in self.not_images),
            *(f"{name}: was not read" for name in self.tables),
        ]


class Meaning(NamedTuple):
    """How many faces have a name, and what it means now; None if a person must name it.

    `example` is one of the faces, uint8 (48, 48), where finding one is cheap.
    """

    faces: int
    meaning: str | None
    example: NDArray[np.uint8] | None = None


@dataclass
class Survey:
    """What a source holds, as far as its names say, before it is imported.

    Args:
        classes: name of a class → its faces, and an emotion, `SKIP` or None. What
            a person says about it goes into `class_map` under the same name in lower case.
        splits: name of a folder or `Usage` → its faces, and a split or None. What
            a person says about it goes into `split_map` under the same name in lower case.
        format: the description of the reader in `READERS`; set by `survey_source`.
    """

    classes: dict[str, Meaning] = field(default_factory=dict)
    splits: dict[str, Meaning] = field(default_factory=dict)
    format: str = ""

    @property
    def without_split(self) -> int:
        """The number of faces for which the source names no split."""
        faces = sum(each.faces for each in self.classes.values() if each.meaning != SKIP)
        return faces - sum(each.faces for each in self.splits.values())
