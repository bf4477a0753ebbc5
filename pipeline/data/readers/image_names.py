"""Class and split of images by the folders of their paths."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from os.path import commonprefix
from pathlib import PurePosixPath
from typing import NamedTuple

from pipeline.data.import_options import OTHERS, SKIP, ImportOptions
from pipeline.data.source_names import class_parts, is_container, split_beside_class
from pipeline.errors import UserError
from pipeline.labels import CODES, label_of

_FER_PREFIXES = {
    "Training_": "train",
    "PublicTest_": "public_test",
    "PrivateTest_": "private_test",
}
NO_FOLDER = "no class folder"
"""The class of an image that lies in no folder which could name one."""

_CODE = "|".join(CODES)
_CODED = re.compile(
    rf"(?:[a-z]{{2}}[._-]({_CODE})\d+[._-]\d+|[ab][fm]\d\d({_CODE}|af)(?:s|[fh][lr]))(?:\..+)?",
    re.IGNORECASE,
)
"""File names of JAFFE, then of KDEF (KA.AN1.39, AF01ANS), also with what was appended to them.

KDEF (https://kdef.se) has JAFFE's codes but AF, afraid."""
_MAX_LENGTH = 60

Folders = tuple[str, ...]
_Kind = Callable[[str, ImportOptions], bool]


class NamedClass(NamedTuple):
    """A class by its name.

    `emotion` is what it means, `SKIP` for one to leave out, None if a person must name it. `place`
    is that of its folder in the path, None if no folder names it. `known` is whether the name
    itself says what it means.
    """

    name: str
    emotion: str | None
    place: int | None = None
    known: bool = False


class NamedSplit(NamedTuple):
    """A split by the name that says it; None where no name does.

    `split` is None if the name means none: a split that a person must name.
    """

    name: str | None
    split: str | None


def folders_of(path: str) -> Folders:
    """Return the folders of a member's path, outermost first."""
    return tuple(path.split("/")[:-1])


def shortened(path: str) -> str:
    """Return the end of a path that is too long for a sentence."""
    return path if len(path) <= _MAX_LENGTH else f"…{path[1 - _MAX_LENGTH :]}"


def classes_of(
    images: Iterable[str], others: Iterable[str], options: ImportOptions
) -> dict[str, NamedClass]:
    """Return image → its class, by a folder of its path, or by a file name of JAFFE or KDEF.

    A word counts more than a number, and folders that all images have in common count least. Codes
    of JAFFE count where every image has one and nothing else.

    Args:
        images: paths of images.
        others: paths of other files; only those in the folder of a known class are returned.
        options: how names are read.

    Raises:
        UserError: a path names two emotions, or a number and a word contradict each other.
    """
    grouped = _by_folders(images)
    strict = replace(options, skip_unknown=False)
    common = len(commonprefix(list(grouped)))

    def named_by(*kinds: _Kind) -> dict[Folders, NamedClass | None]:
        return {folders: _class_in(folders, common, strict, kinds) for folders in grouped}

    named = named_by(_is_word, _is_number)
    if not any(each and each.emotion != SKIP for each in named.values()):
        with_codes = named_by(_is_word, _is_number, _is_code)
        named = with_codes if all(with_codes.values()) else named
    depth = _usual_depth({f: each.place for f, each in named.items() if each}, common, strict)
    found: dict[str, NamedClass] = {}
    for folders, each in named.items():
        place = _place_of_unknown(folders, common, depth, strict)
        name = NO_FOLDER if place is None else folders[place]
        unknown = NamedClass(name, options.class_of(name), place)
        for path in grouped[folders]:
            found[path] = each or _class_in_name(path, strict) or unknown
    for folders, paths in _by_folders(others).items():
        if each := _class_in(folders, common, strict, (_is_word,)):
            found |= dict.fromkeys(paths, each)
    return found


def _by_folders(paths: Iterable[str]) -> dict[Folders, list[str]]:
    grouped: dict[Folders, list[str]] = {}
    for path in paths:
        grouped.setdefault(folders_of(path), []).append(path)
    return grouped


def _class_in(
    folders: Folders, common: int, options: ImportOptions, kinds: Iterable[_Kind]
) -> NamedClass | None:
    meanings = [options.class_of(folder) for folder in folders]
    for kind in kinds:
        for places in (range(common, len(folders)), range(min(common, len(folders)))):
            named = [i for i in places if meanings[i] and kind(folders[i], options)]
            skipped = [i for i in named if meanings[i] == SKIP]
            if len({meanings[i] for i in named}) > 1 and not skipped:
                names = [folders[i] for i in named]
                raise _two_meanings("/".join(folders), names, "classes")
            if named:
                place = (skipped or named)[0]
                return NamedClass(folders[place], meanings[place], place, known=True)
    return None


def _is_word(folder: str, options: ImportOptions) -> bool:
    word = class_parts(folder)[1]
    mapped = {word, folder.strip().lower()} & options.class_map.keys()
    return label_of(word) is not None or (bool(mapped) and not _is_number(folder, options))


def _is_number(folder: str, options: ImportOptions) -> bool:
    number, word = class_parts(folder)
    return number is not None and not word


def _is_code(folder: str, options: ImportOptions) -> bool:
    return folder.strip().lower() in CODES


def _class_in_name(path: str, options: ImportOptions) -> NamedClass | None:
    coded = _CODED.fullmatch(PurePosixPath(path).stem)
    if coded is None:
        return None
    code = (coded[1] or coded[2]).upper().replace("AF", "FE")
    return NamedClass(code, options.class_of(code), known=True)


def _usual_depth(
    known: Mapping[Folders, int | None], common: int, options: ImportOptions
) -> int | None:
    """Return at which of the folders that could name a class the known classes mostly are."""
    depths: Counter[int] = Counter()
    for folders, place in known.items():
        places = _candidates(folders, common, options)
        depths.update([places.index(place)] if place in places else [])
    return depths.most_common(1)[0][0] if depths else None


def _place_of_unknown(
    folders: Folders, common: int, depth: int | None, options: ImportOptions
) -> int | None:
    places = _candidates(folders, common, options) or _candidates(folders, 0, options)
    if places and depth is not None:
        return places[min(depth, len(places) - 1)]
    numbers = [i for i in places if _is_number(folders[i], options)]
    return next(iter(numbers or places[-1:]), None)


def _candidates(folders: Folders, common: int, options: ImportOptions) -> list[int]:
    return [
        i
        for i, folder in enumerate(folders)
        if i >= common and options.split_of(folder) is None and not is_container(folder)
    ]


def splits_of(
    places: Mapping[str, int | None], listed: Mapping[str, list[str]], options: ImportOptions
) -> dict[str, NamedSplit]:
    """Return image → its split, by any folder of its path or by what a list says.

    A folder above the class that names no split, and that not all images have in common, may hide
    one: such images have no split until a person names it. So do folders elsewhere, once any image
    of the source has a split by its name.

    Args:
        places: image → the place of its class among its folders, None if no folder is its class.
        listed: image → what a list says about its split.
        options: how names are read.

    Raises:
        UserError: an image is in two splits by its names.
    """
    common = len(commonprefix([folders_of(path) for path in places]))
    found = {
        path: _split_in(path, place, listed.get(path, []), options)
        for path, place in places.items()
    }
    any_named = any(found.values())

    def otherwise(path: str, place: int | None) -> NamedSplit:
        folders = folders_of(path)
        above = range(common, place or 0)
        below = [i for i in range(common, len(folders)) if i != place] if any_named else []
        unknown = [folders[i] for i in (*above, *below) if not is_container(folders[i])]
        for name in (*listed.get(path, []), *unknown):
            return NamedSplit(name, options.split_map.get(OTHERS))
        return NamedSplit(None, _split_of_fer2013(path) or options.split)

    return {path: found[path] or otherwise(path, place) for path, place in places.items()}


def _split_in(
    path: str, place: int | None, listed: list[str], options: ImportOptions
) -> NamedSplit | None:
    folders = folders_of(path)
    names = [folder for i, folder in enumerate(folders) if i != place] + listed
    found = {split: name for name in names if (split := options.split_of(name))}
    if place is not None and (split := split_beside_class(folders[place])):
        found[split] = folders[place]
    if len(found) == 2 and found.keys() & {"public_test", "private_test"}:
        found.pop("test", None)
    if len(found) > 1:
        raise _two_meanings(path, list(found.values()), "splits")
    if not found:
        return None
    ((split, name),) = found.items()
    by_file = _split_of_fer2013(path)
    return NamedSplit(
        name, by_file if split == "test" and by_file not in (None, "train") else split
    )


def _split_of_fer2013(path: str) -> str | None:
    """Return the split that begins a file name of FER-2013."""
    file = PurePosixPath(path).name
    return next((split for prefix, split in _FER_PREFIXES.items() if file.startswith(prefix)), None)


def _two_meanings(path: str, names: list[str], what: str) -> UserError:
    return UserError(
        f"The names of {shortened(path)!r} mean two {what}, {' and '.join(map(repr, names))}: "
        "rename one of them."
    )
