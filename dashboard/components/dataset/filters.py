"""Ways to choose faces of a data set, and the order in which they are shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.dataset.known import KnownFaces
from pipeline.data.exclusions import load_exclusions
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model

Mask = NDArray[np.bool_]
Bounds = tuple[float, float]
Filters = Mapping[str, Any]
"""Kind of filter → its value, see `FILTERS`; `order` may be there too."""

WRONG = "another emotion than the label"


@dataclass(frozen=True)
class Filter:
    """A way to choose faces.

    Args:
        words: what its chip says of a value.
        mask: which faces a value leaves, bool (n,).
    """

    words: Callable[[Any], str]
    mask: Callable[[KnownFaces, Any], Mask]


def _none(known: KnownFaces) -> Mask:
    return np.zeros(len(known.dataset), np.bool_)


def _between(what: str, values: Callable[[KnownFaces], NDArray[np.float32] | None]) -> Filter:
    """Return a filter for values from a lower bound up to, but not at, an upper one."""

    def mask(known: KnownFaces, bounds: Bounds) -> Mask:
        found = values(known)
        if found is None:
            return _none(known)
        return np.asarray((found >= bounds[0]) & (found < bounds[1]))

    return Filter(lambda bounds: f"{what} from {bounds[0]:g} to below {bounds[1]:g}", mask)


def _finding(known: KnownFaces, finding: str) -> Mask:
    if known.audit is None or finding not in known.audit.known():
        return _none(known)
    return known.audit.faces(finding)


def _majority(known: KnownFaces, name: str) -> Mask:
    if known.majority is None:
        return _none(known)
    return np.asarray(known.majority == MAJORITIES.index(name))


def _said(known: KnownFaces, model_and_emotion: tuple[str, str]) -> Mask:
    model, said = model_and_emotion
    probabilities = resources.probabilities(find_model(model), known.dataset)
    judged = ~np.isnan(probabilities[:, 0])
    predicted = np.nan_to_num(probabilities).argmax(axis=1)
    wanted = predicted != known.dataset.labels if said == WRONG else predicted == _index(said)
    return np.asarray(judged & wanted)


def _excluded(known: KnownFaces, name: str) -> Mask:
    listed = load_exclusions(known.dataset.name, name).reasons
    return np.isin(known.dataset.ids, np.array(list(listed), dtype="U"))


def _positions(known: KnownFaces, positions: tuple[int, ...]) -> Mask:
    mask = _none(known)
    mask[list(positions)] = True
    return mask


def _index(emotion: str) -> int:
    return EMOTIONS.index(emotion)


FILTERS: dict[str, Filter] = {
    "split": Filter(str, lambda known, split: np.asarray(known.dataset.splits == split)),
    "emotion": Filter(
        lambda emotion: f"labelled {emotion}",
        lambda known, emotion: np.asarray(known.dataset.labels == _index(emotion)),
    ),
    "finding": Filter(lambda finding: finding.replace("_", " "), _finding),
    "doubted": Filter(
        lambda model: f"doubted by {model}",
        lambda known, model: resources.doubts(known.dataset).get(model, _none(known)),
    ),
    "said": Filter(lambda value: f"{value[0]} says {value[1]}", _said),
    "majority": Filter(lambda name: f"FER+ says {name}", _majority),
    "agreement": replace(
        _between("agreement", lambda known: known.agreement),
        words=lambda bounds: f"agreement {bounds[0]:g}",
    ),
    "entropy": _between("entropy", lambda known: known.entropy),
    "excluded": Filter(lambda name: f"on the list {name}", _excluded),
    "id": Filter(
        lambda text: f"id with “{text}”",
        lambda known, text: np.char.find(np.char.lower(known.dataset.ids), text.lower()) >= 0,
    ),
    "points": Filter(lambda positions: f"{len(positions):,} points of the map", _positions),
}
"""Kind of filter → how its chip reads, and what it leaves."""

ORDERS: dict[str, Callable[[KnownFaces], NDArray[Any]]] = {
    "as stored": lambda known: np.arange(len(known.dataset)),
    "darkest": lambda known: known.statistics.brightness,
    "brightest": lambda known: -known.statistics.brightness,
    "flattest": lambda known: known.statistics.contrast,
    "most contrast": lambda known: -known.statistics.contrast,
}
"""Order → what the faces are sorted by, ascending, (n,)."""


def positions(known: KnownFaces, filters: Filters) -> NDArray[np.intp]:
    """Return where the faces are that all filters leave, in their order.

    Twins stand side by side where a finding of twins is chosen, and the surest prediction first
    where a model's word is.
    """
    mask = np.ones(len(known.dataset), np.bool_)
    for kind, value in filters.items():
        if kind in FILTERS:
            mask &= FILTERS[kind].mask(known, value)
    found = np.flatnonzero(mask)
    return found[np.argsort(_sort_key(known, filters)[found], kind="stable")]


def _sort_key(known: KnownFaces, filters: Filters) -> NDArray[Any]:
    if "order" in filters:
        return ORDERS[filters["order"]](known)
    groups = twin_groups(known, filters)
    if groups is not None:
        return groups
    if "said" in filters:
        model = find_model(filters["said"][0])
        confidence: NDArray[Any] = resources.probabilities(model, known.dataset).max(axis=1)
        return -confidence
    return ORDERS["as stored"](known)


def twin_groups(known: KnownFaces, filters: Filters) -> NDArray[np.int32] | None:
    """Return the group of each face, int32 (n,), if the filters choose a finding of twins."""
    finding = filters.get("finding")
    if known.audit is None or finding not in known.audit.known():
        return None
    return known.audit.groups(finding)
