"""What is known of a source of images before any is decoded: class, split and box of each face."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from posixpath import splitext
from typing import NamedTuple

from pipeline.data.images import SUFFIXES
from pipeline.data.import_options import LABELS_FROM, SKIP, ImportOptions, Progress
from pipeline.data.readers.archive import Member, is_archive, members
from pipeline.data.readers.image_lists import (
    LIST_SUFFIXES,
    NO_EMOTION,
    ImageIndex,
    ImageList,
    Listed,
    read_list,
)
from pipeline.data.readers.image_names import (
    NO_FOLDER,
    NamedClass,
    NamedSplit,
    classes_of,
    shortened,
    splits_of,
)
from pipeline.data.readers.yolo import NAME_SUFFIXES, Bounds, YoloLabel, read_yolo
from pipeline.errors import UserError
from pipeline.labels import SCHEMES

NOT_LISTED = "not in a list"
"""The class of an image for which the lists or labels of its source say nothing."""

_MAX_TEXT_BYTES = 256 * 1024**2
_TABLE_SUFFIXES = frozenset((".gz", ".npz", ".parquet"))
_PIXEL_LINE_BYTES = 2000  # longer than a line of a list with landmarks, shorter than one of pixels
_MAX_NAMES_LENGTH = 100

_ClassOf = Callable[[str], str | None]


class Entry(NamedTuple):
    """A face of an image before it is decoded; `split` is None where the class is skipped."""

    named: NamedClass
    split: NamedSplit | None = None
    bounds: Bounds | None = None
    votes: tuple[int, ...] | None = None


class Plan(NamedTuple):
    """What is known of a source before its images are decoded.

    `entries` maps image → its faces; `missing` the name of an image that is not there → its list;
    `texts` are the names of lists and labels.
    """

    entries: dict[str, list[Entry]]
    missing: dict[str, str]
    texts: set[str]


def make_plan(
    source: Path, options: ImportOptions, on_progress: Progress = lambda fraction: None
) -> Plan:
    """Read the names of a source and the texts in it; decode no image.

    Raises:
        UserError: names contradict each other.
    """
    images, others, texts = _scan(source, on_progress)
    named = classes_of(images, others, options)
    known = {path for path, each in named.items() if each.known}
    labels, of_yolo = read_yolo([path for path in images if path not in known], texts)
    known = set() if options.labels_from == "lists" else known
    texts = {name: text for name, text in texts.items() if name not in of_yolo}
    lists = _read_lists(images, texts, known, options)
    class_of = cache(replace(options, skip_unknown=False).class_of)
    listed = _merged(lists, class_of)
    if not options.labels_from:
        _refuse_contradiction(source, named, listed, class_of)
    is_labeled = bool(labels) or any(each.name is not None for each in listed.values())
    entries: dict[str, list[Entry]] = {}
    for path, by_folder in named.items():
        row = listed.get(path)
        votes = row.votes if row else None
        if by_folder.known and not (row and row.name and options.labels_from == "lists"):
            entries[path] = [Entry(by_folder, votes=votes)]
        elif labels.get(path):
            entries[path] = [_labeled(label, options) for label in labels[path]]
        elif row and row.name is not None:
            entries[path] = [Entry(_class_in_list(row.name, options), votes=votes)]
        else:
            unlisted = NamedClass(NOT_LISTED, SKIP)
            entries[path] = [Entry(unlisted if is_labeled else by_folder)]
    places = {
        path: faces[0].named.place
        for path, faces in entries.items()
        if any(face.named.emotion != SKIP for face in faces)
    }
    splits = splits_of(places, {path: list(row.splits) for path, row in listed.items()}, options)
    for path in places:
        entries[path] = [
            face if face.named.emotion == SKIP else face._replace(split=splits[path])
            for face in entries[path]
        ]
    missing = {name: by for by, each in lists.items() for name in each.missing}
    return Plan(entries, missing, of_yolo | lists.keys())


def is_table(member: Member) -> bool:
    """Return whether a member holds faces itself; a list of images is no such table."""
    suffix = suffix_of(member.name)
    if suffix not in (".csv", ".tsv"):
        return suffix in _TABLE_SUFFIXES and not is_archive(member.name)
    with member.open() as file:
        lines = file.read(4 * _PIXEL_LINE_BYTES).lower().split(b"\n")
    return b"pixel" in lines[0] or max(map(len, lines)) > _PIXEL_LINE_BYTES


def _scan(source: Path, on_progress: Progress) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the names of images, those of other files, and the texts among these."""
    images: list[str] = []
    others: list[str] = []
    texts: dict[str, str] = {}
    text_bytes = 0
    for member in members(source):
        on_progress(member.progress)
        suffix = suffix_of(member.name)
        (images if suffix in SUFFIXES else others).append(member.name)
        if suffix in LIST_SUFFIXES | NAME_SUFFIXES and not is_table(member):
            text_bytes += member.size
            if text_bytes > _MAX_TEXT_BYTES:
                raise UserError(
                    f"{source.name} holds more than {_MAX_TEXT_BYTES // 1024**2} MB of texts, as "
                    "no lists of images have: import it without them."
                )
            with member.open() as file:
                texts[member.name] = _decoded(file.read())
    return images, others, texts


def _decoded(text: bytes) -> str:
    is_utf16 = text.startswith((b"\xff\xfe", b"\xfe\xff"))
    return text.decode("utf-16" if is_utf16 else "utf-8-sig", "replace")


def _read_lists(
    images: list[str], texts: dict[str, str], known: set[str], options: ImportOptions
) -> dict[str, ImageList]:
    index = ImageIndex(images)
    lists = {
        name: read_list(name, text, index, known, options)
        for name, text in texts.items()
        if suffix_of(name) in LIST_SUFFIXES
    }
    return {name: found for name, found in lists.items() if found}


def _merged(lists: dict[str, ImageList], class_of: _ClassOf) -> dict[str, Listed]:
    """Return image → what all lists say about it."""
    merged: dict[str, Listed] = {}
    for rows in lists.values():
        for path, new in rows.images.items():
            old = merged.get(path, new)
            if old.name and new.name and _differ(old.name, new.name, class_of):
                raise UserError(
                    f"{old.by} says that {shortened(path)!r} is {old.name}, and {new.by} that it "
                    f"is {new.name}: remove one of the lists."
                )
            splits = dict.fromkeys((*old.splits, *new.splits))
            merged[path] = Listed(
                old.name or new.name, tuple(splits), old.votes or new.votes, old.by
            )
    return merged


def _differ(name: str, other: str, class_of: _ClassOf) -> bool:
    meanings = {class_of(each) for each in (name, other)}
    return len(meanings - {None}) > 1 or (meanings == {None} and name != other)


def _refuse_contradiction(
    source: Path, named: dict[str, NamedClass], listed: dict[str, Listed], class_of: _ClassOf
) -> None:
    """Refuse a list that contradicts the folders: nobody knows which of them is right."""
    differing = [
        path
        for path, row in listed.items()
        if named[path].known and row.name and _differ(named[path].name, row.name, class_of)
        if row.name not in NO_EMOTION and named[path].emotion != SKIP
    ]
    if differing:
        path = differing[0]
        what = (
            f"{source.name}: {listed[path].by} says that {shortened(path)!r} is "
            f"{listed[path].name}, and its folder that it is {named[path].name}; "
            f"{len(differing):,} images differ"
        )
        raise UserError(
            f"{what}: say which is right with --labels-from {'|'.join(LABELS_FROM)}.",
            on_page=f"{what}: remove the list, or import the images without class folders.",
        )


def _labeled(label: YoloLabel, options: ImportOptions) -> Entry:
    return Entry(NamedClass(label.name, options.class_of(label.name)), bounds=label.bounds)


def _class_in_list(name: str, options: ImportOptions) -> NamedClass:
    emotion = options.class_of(name)
    return NamedClass(name, SKIP if emotion is None and name in NO_EMOTION else emotion)


def refuse_unknown(source: Path, plan: Plan) -> None:
    """Refuse classes and splits whose names do not say what they mean."""
    classes: dict[str, tuple[str, str]] = {}
    splits: dict[str, str] = {}
    for path, faces in plan.entries.items():
        for face in faces:
            if not face.named.emotion:
                in_list = face.named.place is None and face.named.name != NO_FOLDER
                where = "label" if in_list else "folder"
                classes.setdefault(face.named.name, (where, path))
            elif face.split and not face.split.split:
                splits.setdefault(face.split.name or "", path)
    if classes:
        (where, path), names = next(iter(classes.values())), _listing(classes)
        what = f"{source.name}: the {where} of {shortened(path)!r} names no emotion"
        raise UserError(
            f"{what}. Unknown: {names}. Say what they mean with --map NAME=EMOTION,… or, if they "
            f"are numbers, --classes {'|'.join(SCHEMES)}, or skip them with --skip-unknown.",
            on_page=f"{what}. Unknown: {names}. Say what they mean, or skip them.",
        )
    if splits:
        path, names = next(iter(splits.values())), _listing(splits)
        what = f"{source.name}: the folders of {shortened(path)!r} name no split"
        raise UserError(
            f"{what}. Unknown: {names}. Say what they mean with --split-map NAME=SPLIT,…, or with "
            "--split-map '*=train' that all of them are one split.",
            on_page=f"{what}. Unknown: {names}. Say which split they are.",
        )


def _listing(names: Iterable[str]) -> str:
    """Return names for a sentence, the first of them if they are many."""
    all_names = sorted(map(shortened, names))
    lengths = itertools.accumulate(len(name) for name in all_names)
    shown = max(1, sum(length <= _MAX_NAMES_LENGTH for length in lengths))
    more = len(all_names) - shown
    return ", ".join([*all_names[:shown], *([f"and {more:,} more"] if more else [])])


def suffix_of(name: str) -> str:
    """Return the suffix of a member's name, in lower case."""
    return splitext(name)[1].lower()
