"""Labels of YOLO: a text beside each image, or in `labels/` for `images/`, with a line per face.

Source: https://docs.ultralytics.com/datasets/detect/
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import yaml

from pipeline.errors import UserError

NAME_SUFFIXES = frozenset((".yaml", ".yml", ".names", ".labels"))

_NAME_FILES = ("classes.txt", "predefined_classes.txt")
_LINE = re.compile(r"(\d++)((?:\s++-?(?:\d++(?:\.\d*+)?|\.\d++)(?:e[+-]?\d++)?)*+)", re.IGNORECASE)
_BOX, _BOX_AND_CONFIDENCE = 4, 5

Bounds = tuple[float, float, float, float]
"""Left, top, right and bottom of a face, as fractions of its image's width and height, 0 to 1.

A box outside the image has no width or no height."""


class YoloLabel(NamedTuple):
    """A face of an image: the name of its class, and where it is; None for the whole image."""

    name: str
    bounds: Bounds | None


def read_yolo(
    images: Iterable[str], texts: Mapping[str, str]
) -> tuple[dict[str, list[YoloLabel]], set[str]]:
    """Return image → its labels, and the names of the texts that hold them; both may be empty.

    Args:
        images: paths of the images.
        texts: name of a text member → its content.

    Raises:
        UserError: the names of classes cannot be read, or two files name them differently.
    """
    by_lower = {name.lower(): name for name in texts}
    found = {}
    for image in images:
        beside = (by_lower.get(name) for name in _label_names(image.lower()))
        name = next((name for name in beside if name and _has_labels(texts[name])), None)
        if name:
            found[image] = name
    if not any(texts[name].strip() for name in found.values()):
        return {}, set()
    names = _class_names(texts)
    labels = {image: _read_labels(name, texts[name], names) for image, name in found.items()}
    return labels, set(found.values())


def _label_names(image: str) -> list[str]:
    path = PurePosixPath(image).with_suffix(".txt")
    places = [i for i, folder in enumerate(path.parts[:-1]) if folder == "images"]
    swapped = [
        str(PurePosixPath(*path.parts[:i], "labels", *path.parts[i + 1 :]))
        for i in reversed(places)
    ]
    return [*swapped, str(path)]


def _has_labels(text: str) -> bool:
    return all(_is_label(line) for line in text.splitlines() if line.strip())


def _is_label(line: str) -> bool:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return False
    numbers = len(found[2].split())
    return numbers in (0, _BOX, _BOX_AND_CONFIDENCE) or (numbers > _BOX and numbers % 2 == 0)


def _read_labels(name: str, text: str, names: Mapping[int, str]) -> list[YoloLabel]:
    labels = []
    for line in filter(str.strip, text.splitlines()):
        number, *numbers = line.split()
        bounds = _bounds([float(each) for each in numbers]) if numbers else None
        word = names.get(int(number))
        labels.append(YoloLabel(f"{int(number)}_{word}" if word else str(int(number)), bounds))
    return labels


def _bounds(numbers: list[float]) -> Bounds:
    if len(numbers) in (_BOX, _BOX_AND_CONFIDENCE):
        x, y, width, height = numbers[:_BOX]
        bounds = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    else:  # a polygon
        xs, ys = numbers[::2], numbers[1::2]
        bounds = (min(xs), min(ys), max(xs), max(ys))
    left, top, right, bottom = (min(max(each, 0.0), 1.0) for each in bounds)
    return left, top, right, bottom


def _class_names(texts: Mapping[str, str]) -> dict[int, str]:
    """Return the names of the classes by their numbers, from `data.yaml` or `classes.txt`."""
    found: dict[str, dict[int, str]] = {}
    for name, text in texts.items():
        path = PurePosixPath(name.lower())
        if path.suffix in (".yaml", ".yml"):
            names = _names_in_yaml(name, text)
        elif path.suffix in NAME_SUFFIXES or path.name in _NAME_FILES:
            names = dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
        else:
            continue
        if names:
            found[name] = names
    if len({tuple(sorted(names.items())) for names in found.values()}) > 1:
        raise UserError(
            f"{' and '.join(list(found)[:2])} give the classes different names: remove one of them."
        )
    return next(iter(found.values()), {})


def _names_in_yaml(name: str, text: str) -> dict[int, str]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{name} is not valid YAML ({reason}): correct it.") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict):
        return {}
    return {int(number): str(word) for number, word in names.items() if str(number).isdigit()}
