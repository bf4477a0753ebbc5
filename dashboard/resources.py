"""The only place with st.cache_*: what is expensive to open and safe to share."""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.processor import ProcessorLoad
from pipeline.data import store
from pipeline.data.audit import kept_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, load_exclusions
from pipeline.data.statistics import statistics
from pipeline.errors import UserError
from pipeline.evaluation.doubts import doubts_by_model
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.slices import Slice, slices
from pipeline.evaluation.target import Target, narrowed, stored_folder, training_twins
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, RunTable, list_models
from pipeline.vision.places import Places
from pipeline.vision.recognizer import Precision, Recognizer
from pipeline.workspace import dataset_folder, workspace


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(name: str, fingerprint: str, files: tuple[tuple[int, ...], ...]) -> FaceDataset:
    return store.load_dataset(name)


def dataset(name: str, fingerprint: str) -> FaceDataset:
    """Open a data set, again only after its files have changed; its pictures stay on disk.

    A picture that is looked at where the file was cut short would end the process.

    Args:
        name: the data set's name.
        fingerprint: keeps another one of that name from use.

    Raises:
        UserError: there is no such data set, or its files are damaged.
    """
    files = (dataset_folder(name) / file for file in ("images.npy", "index.parquet"))
    return _dataset(name, fingerprint, tuple(_identity(file) for file in files))


def _identity(file: Path) -> tuple[int, ...]:
    """Return what tells a file from any that stood or will stand in its place."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def forget_datasets() -> None:
    """Let go of the open data sets, so that removed ones leave the disk."""
    _dataset.clear()


def dataset_by_fingerprint(fingerprint: str) -> FaceDataset | None:
    """Open the data set of a fingerprint, whatever its name; None if it is not here or damaged.

    Args:
        fingerprint: its first 12 characters or more.
    """
    for info in store.datasets_of(fingerprint):
        with suppress(UserError):
            return dataset(info.name, info.fingerprint)
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _runs(workspace: Path) -> RunTable:
    return RunTable()


def runs() -> RunTable:
    """Return the table of the workspace's runs, which reads again only what has changed."""
    return _runs(workspace())


@st.cache_resource(max_entries=64, show_spinner=False)
def _predictions(_model: Run, folder: Path, changed: float) -> Predictions:
    return load_predictions(_model, folder)


def stored_predictions(model: Run, folder: Path) -> Predictions:
    """Read an evaluation of a model, again only after its file has changed.

    Raises:
        UserError: it is missing or damaged.
    """
    return _predictions(model, folder, _changed(folder))


def _changed(folder: Path) -> float:
    try:
        return (folder / "predictions.npz").stat().st_mtime
    except OSError:
        return 0.0


def evaluations(model: Run, fingerprint: str) -> list[Predictions]:
    """Read all evaluations of a model on a data set that can be read.

    Args:
        model: a run or a shipped model.
        fingerprint: the data set's.
    """
    found = []
    for folder in model.evaluation_paths():
        if folder.name.startswith(fingerprint[:12]):
            with suppress(UserError):
                found.append(stored_predictions(model, folder))
    return found


@st.cache_data(max_entries=4, show_spinner=False)
def _doubts(
    _of: FaceDataset, fingerprint: str, stored: tuple[tuple[Path, float], ...]
) -> dict[str, NDArray[np.bool_]]:
    return doubts_by_model(_of)


def doubts(of: FaceDataset) -> dict[str, NDArray[np.bool_]]:
    """Return model → bool (n,), the faces whose label its stored probabilities speak against."""
    folders = [folder for model in list_models() for folder in model.evaluation_paths()]
    mine = [folder for folder in folders if folder.name.startswith(of.fingerprint[:12])]
    return _doubts(of, of.fingerprint, tuple((folder, _changed(folder)) for folder in mine))


def probabilities(model: Run, of: FaceDataset) -> NDArray[np.float32]:
    """Return what a model said of the faces of a data set, where that is stored.

    Returns:
        float32 (n, 7), NaN for faces that no stored evaluation has.
    """
    said = np.full((len(of), len(EMOTIONS)), np.nan, np.float32)
    ids = pd.Index(of.ids)
    for predictions in evaluations(model, of.fingerprint):
        places = ids.get_indexer(pd.Index(predictions.ids))
        said[places[places >= 0]] = predictions.probabilities[places >= 0]
    return said


def said_of(model: Run, fingerprint: str, face_id: str) -> NDArray[np.float32] | None:
    """Return what a model said of one face of a data set, float32 (7,), if that is stored."""
    for predictions in evaluations(model, fingerprint):
        found = np.flatnonzero(predictions.ids == face_id)
        if len(found):
            return np.asarray(predictions.probabilities[found[0]])
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _twins(_of: FaceDataset, fingerprint: str) -> NDArray[np.str_]:
    return training_twins(_of)


def twins(target: Target) -> NDArray[np.str_]:
    """Return the ids of faces of other splits whose picture is in `train`; none if unknown."""
    of = dataset_by_fingerprint(target.fingerprint)
    return np.empty(0, "U") if of is None else _twins(of, of.fingerprint)


@st.cache_resource(max_entries=8, show_spinner=False)
def _exclusions(dataset: str, name: str, changed: tuple[int, ...]) -> ExclusionList:
    return load_exclusions(dataset, name)


def exclusions(target: Target) -> ExclusionList | None:
    """Read the exclusion list of a target, again only after its file has changed.

    Raises:
        UserError: there is no such list, or it is damaged.
    """
    if not target.exclude:
        return None
    file = dataset_folder(target.dataset) / "exclusions" / f"{target.exclude}.csv"
    return _exclusions(target.dataset, target.exclude, _identity(file))


Stored = tuple[Path, float, str, bool]
"""What tells stored predictions, less what a target leaves out, from others."""


def _stored(model: Run, target: Target) -> Stored | None:
    left_out = exclusions(target)
    folder = stored_folder(model, target, left_out)
    if folder is None:
        return None
    without = left_out.fingerprint if left_out else ""
    return folder, _changed(folder), without, target.without_twins


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
    audited = _identity(dataset_folder(of.name) / "audit.npz")
    return _slices(model, target, of, _checked(model, target), audited)


@st.cache_resource(max_entries=4, show_spinner="Loading the model…")
def _compiled(
    _model: Run, precision: Precision, path: str, *changed: tuple[int, ...]
) -> Recognizer:
    return Recognizer.load(_model, precision, threads=1)


def recognizer(model: Run) -> Recognizer:
    """Return a recognizer for one thread, int8 where that was made of the model.

    The compiled model behind it is shared by all.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    quantized = model.int8_path.is_file()
    path = model.int8_path if quantized else model.openvino_path
    changed = _identity(path), _identity(model.calibration_path)
    return _compiled(model, "int8" if quantized else "default", str(path), *changed).share()


@st.cache_data(max_entries=64, show_spinner=False)
def _activation_maps(
    _model: Run,
    _of: FaceDataset,
    fingerprint: str,
    path: str,
    changed: tuple[int, ...],
    rows: tuple[int, ...],
) -> NDArray[np.float32]:
    return recognizer(_model).explain(_of.images[list(rows)])[1]


def activation_maps(model: Run, of: FaceDataset, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the class activation maps of some faces of a data set, float32 (n, h, w, 7).

    Raises:
        UserError: the exported model is missing or damaged.
    """
    path = model.openvino_path
    changed = _identity(path)
    return _activation_maps(model, of, of.fingerprint, str(path), changed, tuple(rows.tolist()))


@st.cache_resource(show_spinner=False)
def viewer_places() -> Places:
    """Return the places for live videos that all sessions share.

    There are `$EMOTION_VIEWERS`, or as many as processor cores.
    """
    limit = os.environ.get("EMOTION_VIEWERS", "")
    return Places(limit.isdecimal() and int(limit) or os.cpu_count() or 1)


@st.cache_resource(show_spinner=False)
def processor() -> ProcessorLoad:
    """Return what tells how busy the processor is, to all who look."""
    return ProcessorLoad()
