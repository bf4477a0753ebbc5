"""The filters of the Dataset page and the orders of its gallery."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.resources import AnnotatedDataset
from dashboard.widgets.exclusion_form import clear_picked
from dashboard.widgets.face_filters import FaceFilters, Filter, Mask
from pipeline.data.audit import FINDINGS
from pipeline.data.dataset import split_name
from pipeline.data.exclusions import load_exclusions
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model

WRONG = "another emotion than the label"
"""Value of the filter `predicted` for wrong predictions."""

_DATASET = "dataset.filters of"


def _no_faces(faces: AnnotatedDataset) -> Mask:
    return np.zeros(len(faces.dataset), np.bool_)


def _range(
    what: str, values: Callable[[AnnotatedDataset], NDArray[np.float32] | None]
) -> Filter[AnnotatedDataset]:
    """Return a filter for values from a lower bound up to, but not including, an upper one."""

    def mask(faces: AnnotatedDataset, bounds: tuple[float, float]) -> Mask:
        measured = values(faces)
        if measured is None:
            return _no_faces(faces)
        return np.asarray((measured >= bounds[0]) & (measured < bounds[1]))

    return Filter(lambda bounds: f"{what} from {bounds[0]:g} to below {bounds[1]:g}", mask)


def _finding(faces: AnnotatedDataset, finding: str) -> Mask:
    if faces.audit is None or finding not in faces.audit.available():
        return _no_faces(faces)
    return faces.audit.mask(finding)


def _majority(faces: AnnotatedDataset, name: str) -> Mask:
    if faces.majority is None:
        return _no_faces(faces)
    return np.asarray(faces.majority == MAJORITIES.index(name))


def _predicted_by(model: str, emotion: str) -> str:
    return f"predicted {emotion} by {resources.model_names().get(model, model)}"


def _predicted(faces: AnnotatedDataset, model_and_emotion: tuple[str, str]) -> Mask:
    model, emotion = model_and_emotion
    probabilities = resources.probabilities(find_model(model), faces.dataset)
    evaluated = ~np.isnan(probabilities[:, 0])
    predicted = np.nan_to_num(probabilities).argmax(axis=1)
    if emotion == WRONG:
        return np.asarray(evaluated & (predicted != faces.dataset.labels))
    return np.asarray(evaluated & (predicted == EMOTIONS.index(emotion)))


def _excluded(faces: AnnotatedDataset, name: str) -> Mask:
    reasons = load_exclusions(faces.dataset.name, name).reasons
    return np.isin(faces.dataset.ids, np.array(list(reasons), dtype="U"))


def _points(faces: AnnotatedDataset, positions: tuple[int, ...]) -> Mask:
    mask = _no_faces(faces)
    mask[list(positions)] = True
    return mask


FILTERS: FaceFilters[AnnotatedDataset] = FaceFilters(
    "dataset",
    {
        "split": Filter(split_name, lambda faces, split: np.asarray(faces.dataset.splits == split)),
        "emotion": Filter(
            lambda emotion: f"labeled {emotion}",
            lambda faces, emotion: np.asarray(faces.dataset.labels == EMOTIONS.index(emotion)),
        ),
        "finding": Filter(lambda finding: FINDINGS[finding].title.lower(), _finding),
        "label_issue": Filter(
            lambda _: "label issues",
            lambda faces, _: resources.label_issues(faces.dataset).mask,
        ),
        "predicted": Filter(lambda value: _predicted_by(*value), _predicted),
        "majority": Filter(lambda name: f"FER+ majority: {name}", _majority),
        "agreement": replace(
            _range("agreement", lambda faces: faces.agreement),
            label=lambda bounds: f"agreement {bounds[0]:g}",
        ),
        "entropy": _range("entropy", lambda faces: faces.entropy),
        "excluded": Filter(lambda name: f"on the list {name}", _excluded),
        "id": Filter(
            lambda text: f"id with “{text}”",
            lambda faces, text: np.char.find(np.char.lower(faces.dataset.ids), text.lower()) >= 0,
        ),
        "points": Filter(lambda positions: f"{len(positions):,} points of the map", _points),
    },
)

ORDERS: dict[str, Callable[[AnnotatedDataset], NDArray[Any]]] = {
    "as stored": lambda faces: np.arange(len(faces.dataset)),
    "darkest": lambda faces: faces.statistics.brightness,
    "brightest": lambda faces: -faces.statistics.brightness,
    "lowest contrast": lambda faces: faces.statistics.contrast,
    "highest contrast": lambda faces: -faces.statistics.contrast,
}
"""Order, the value `order` beside the filters → ascending sort key, (n,)."""


def begin(*dataset: str) -> None:
    """Drop all filters and picked faces if the data set has changed.

    Args:
        dataset: name and fingerprint.
    """
    if st.session_state.get(_DATASET) != dataset:
        st.session_state[_DATASET] = dataset
        FILTERS.forget_views()
        clear_picked()


def filtered_faces(faces: AnnotatedDataset, active: Mapping[str, Any]) -> NDArray[np.intp]:
    """Return the positions of the faces that match all filters, in their order.

    Without an order, faces are sorted by group if the finding has groups, and by descending
    confidence if a prediction is chosen.

    Args:
        faces: all faces.
        active: name → value of the filters and of `order`.

    Raises:
        UserError: a filter names an exclusion list or a model that cannot be read.
    """
    positions = np.flatnonzero(FILTERS.mask(faces, len(faces.dataset), active))
    return positions[np.argsort(_sort_key(faces, active)[positions], kind="stable")]


def _sort_key(faces: AnnotatedDataset, active: Mapping[str, Any]) -> NDArray[Any]:
    if "order" in active:
        return ORDERS[active["order"]](faces)
    groups = chosen_groups(faces, active)
    if groups is not None:
        return groups
    if "predicted" in active:
        model = find_model(active["predicted"][0])
        return np.asarray(-resources.probabilities(model, faces.dataset).max(axis=1))
    return ORDERS["as stored"](faces)


def chosen_groups(faces: AnnotatedDataset, active: Mapping[str, Any]) -> NDArray[np.int32] | None:
    """Return the group of each face, int32 (n,), if a finding of groups is chosen."""
    finding = active.get("finding")
    if faces.audit is None or finding not in faces.audit.available():
        return None
    return faces.audit.groups(finding)


def split_choice(key: str, splits: Sequence[str]) -> dict[str, str]:
    """Let the user choose a split for a part of a view.

    Args:
        key: names the control on the page; data sets need different ones.
        splits: those of the data set.

    Returns:
        The filters for its faces; empty for all splits.
    """
    every = "all splits"
    chosen = st.selectbox(
        "Faces of",
        [every, *splits],
        format_func=split_name,
        label_visibility="collapsed",
        width=180,
        key=key,
        persist_state="session",
    )
    return {} if chosen == every else {"split": chosen}


def split_mask(faces: AnnotatedDataset, of_split: Mapping[str, str]) -> Mask | slice:
    """Return what selects the faces of a `split_choice` from an array of all faces."""
    split = of_split.get("split")
    return slice(None) if split is None else np.asarray(faces.dataset.splits == split)
