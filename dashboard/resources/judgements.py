"""What models said of a target's faces, and what follows from it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import streamlit as st

from dashboard.resources.datasets import exclusions, twins
from dashboard.resources.identity import identity
from dashboard.resources.stored import stored_predictions
from pipeline.data.audit import kept_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import statistics
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.slices import Slice, slices
from pipeline.evaluation.target import Target, narrowed, stored_folder
from pipeline.runs import Run
from pipeline.workspace import dataset_folder

Stored = tuple[Path, tuple[int, ...], str, bool]
"""What tells stored predictions, less what a target leaves out, from others."""


def _stored(model: Run, target: Target) -> Stored | None:
    left_out = exclusions(target)
    folder = stored_folder(model, target, left_out)
    if folder is None:
        return None
    without = left_out.fingerprint if left_out else ""
    return folder, identity(folder / "predictions.npz"), without, target.without_twins


def is_evaluated(model: Run, target: Target) -> bool:
    """Tell whether predictions of a model on a target's faces are stored."""
    return _stored(model, target) is not None


@st.cache_resource(max_entries=64, show_spinner=False)
def _judged(_model: Run, _target: Target, stored: Stored) -> Predictions:
    predictions = stored_predictions(_model, stored[0])
    left_out = twins(_target) if _target.without_twins else None
    return narrowed(predictions, _target, exclusions(_target), left_out)


def judged(model: Run, target: Target) -> Predictions:
    """Return what a model said of a target's faces.

    Raises:
        UserError: that is not stored or damaged, or no face is left.
    """
    return _judged(model, target, _checked(model, target))


def _checked(model: Run, target: Target) -> Stored:
    stored = _stored(model, target)
    if stored is None:
        raise UserError(f"'{model.name}' was not evaluated on {target.words} yet.")
    return stored


@dataclass(frozen=True)
class Measured:
    """The figures of a model on a target's faces.

    Args:
        metrics: the figures.
        interval: the 95 % interval of the accuracy.
        faces: the same for the very same faces with the same labels.
    """

    metrics: Metrics
    interval: tuple[float, float]
    faces: str


@st.cache_resource(max_entries=512, show_spinner=False)
def _measured(_model: Run, _target: Target, stored: Stored) -> Measured:
    predictions = _judged(_model, _target, stored)
    faces = hashlib.sha256("\n".join(predictions.ids.tolist()).encode())
    faces.update(predictions.y_true.tobytes())
    metrics = compute_metrics(predictions)
    return Measured(metrics, accuracy_interval(predictions), faces.hexdigest())


def measured(model: Run, target: Target) -> Measured:
    """Return the figures of a model on a target's faces; raises as `judged` does."""
    return _measured(model, target, _checked(model, target))


Made = TypeVar("Made")


@st.cache_resource(max_entries=128, show_spinner=False)
def _made(
    _make: Callable[[Predictions], Made], of: str, _model: Run, _target: Target, stored: Stored
) -> Made:
    return _make(judged(_model, _target))


def made_of(make: Callable[[Predictions], Made], model: Run, target: Target) -> Made:
    """Return what a named function makes of a model's predictions; raises as `judged` does."""
    return _made(make, make.__qualname__, model, target, _checked(model, target))


@st.cache_resource(max_entries=16, show_spinner=False)
def _made_together(
    _make: Callable[[Sequence[Predictions]], Made],
    of: str,
    _models: Sequence[Run],
    _target: Target,
    stored: Sequence[Stored],
) -> Made:
    return _make([judged(model, _target) for model in _models])


def made_of_all(
    make: Callable[[Sequence[Predictions]], Made], models: Sequence[Run], target: Target
) -> Made:
    """Return what a named function makes of several models' predictions; raises as `judged`."""
    stored = [_checked(model, target) for model in models]
    return _made_together(make, make.__qualname__, models, target, stored)


@st.cache_resource(max_entries=8, show_spinner=False)
def _slices(
    _model: Run, _target: Target, _of: FaceDataset, stored: Stored, audited: tuple[int, ...]
) -> list[Slice]:
    return slices(judged(_model, _target), _of, statistics(_of), kept_audit(_of))


def slices_of(model: Run, target: Target, of: FaceDataset) -> list[Slice]:
    """Return the slices of a target's faces, with near twins after an audit; raises as `judged`."""
    audited = identity(dataset_folder(of.name) / "audit.npz")
    return _slices(model, target, of, _checked(model, target), audited)
