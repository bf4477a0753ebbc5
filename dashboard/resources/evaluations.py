"""Stored predictions of models, and everything computed from them, cached until files change.

Arguments with an underscore are not hashed; the others are the cache key, whether read or not.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.resources import datasets
from dashboard.resources.datasets import (
    dataset_by_fingerprint,
    duplicates,
    exclusions,
)
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.label_issues import LabelIssues, find_label_issues
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.subset import EvaluationSubset, apply_subset, find_evaluation
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation import Evaluation
from pipeline.runs import Run, list_models
from pipeline.storage import file_version
from pipeline.workspace import dataset_folder

Result = TypeVar("Result")


class Key(NamedTuple):
    """Cache key of a model's predictions for a subset.

    Args:
        folder: the evaluation's folder.
        version: version of its `predictions.npz`, see `file_version`.
        exclusion_fingerprint: of the exclusion list; empty without one.
        without_duplicates: whether faces that also occur in `train` are left out.
    """

    folder: Path
    version: tuple[int, ...]
    exclusion_fingerprint: str
    without_duplicates: bool


@st.cache_resource(max_entries=64, show_spinner=False)
def _stored_predictions(_model: Run, folder: Path, changed: tuple[int, ...]) -> Predictions:
    return load_predictions(_model, folder)


def stored_predictions(model: Run, folder: Path) -> Predictions:
    """Load the predictions of one of a model's evaluations.

    Raises:
        UserError: they are missing or damaged.
    """
    return _stored_predictions(model, folder, file_version(folder / "predictions.npz"))


def _find(model: Run, subset: EvaluationSubset) -> Key | None:
    exclusion = exclusions(subset)
    folder = find_evaluation(model, subset, exclusion)
    if folder is None:
        return None
    fingerprint = exclusion.fingerprint if exclusion else ""
    version = file_version(folder / "predictions.npz")
    return Key(folder, version, fingerprint, subset.without_duplicates)


def _key(model: Run, subset: EvaluationSubset) -> Key:
    key = _find(model, subset)
    if key is None:
        raise UserError(f"'{model.name}' has not been evaluated on {subset.description} yet.")
    return key


def is_evaluated(model: Run, subset: EvaluationSubset) -> bool:
    """Return whether predictions of a model for a subset are stored."""
    return _find(model, subset) is not None


@st.cache_resource(max_entries=64, show_spinner=False)
def _predictions(_model: Run, _subset: EvaluationSubset, key: Key) -> Predictions:
    full = stored_predictions(_model, key.folder)
    duplicate_ids = duplicates(_subset) if _subset.without_duplicates else None
    return apply_subset(full, _subset, exclusions(_subset), duplicate_ids)


def predictions(model: Run, subset: EvaluationSubset) -> Predictions:
    """Return a model's predictions for a subset.

    Raises:
        UserError: they are missing or damaged, or no face is left.
    """
    return _predictions(model, subset, _key(model, subset))


@dataclass(frozen=True)
class SubsetMetrics:
    """The metrics of a model on a subset.

    Args:
        metrics: the metrics.
        interval: 95% interval of the accuracy.
        faces_hash: SHA-256 over ids and labels; equal for the same faces with the same labels.
    """

    metrics: Metrics
    interval: tuple[float, float]
    faces_hash: str


@st.cache_resource(max_entries=512, show_spinner=False)
def _metrics(_model: Run, _subset: EvaluationSubset, key: Key) -> SubsetMetrics:
    predicted = _predictions(_model, _subset, key)
    digest = hashlib.sha256("\n".join(predicted.ids.tolist()).encode())
    digest.update(predicted.y_true.tobytes())
    return SubsetMetrics(
        compute_metrics(predicted), accuracy_interval(predicted), digest.hexdigest()
    )


def metrics(model: Run, subset: EvaluationSubset) -> SubsetMetrics:
    """Return the metrics of a model on a subset; raises as `predictions` does."""
    return _metrics(model, subset, _key(model, subset))


@st.cache_resource(max_entries=32, show_spinner=False)
def _evaluation(
    _model: Run,
    _subset: EvaluationSubset,
    _dataset: FaceDataset | None,
    key: Key,
    dataset_key: tuple[str, tuple[tuple[int, ...], ...]],
) -> Evaluation:
    return Evaluation(_model, _subset, predictions(_model, _subset), _dataset)


def evaluation(model: Run, subset: EvaluationSubset) -> Evaluation:
    """Return a model's evaluation on a subset; raises as `predictions` does."""
    dataset = dataset_by_fingerprint(subset.fingerprint)
    versions: tuple[tuple[int, ...], ...] = ()
    if dataset is not None:
        folder = dataset_folder(dataset.name)
        files = "images.npy", "index.parquet", "audit.npz"
        versions = tuple(file_version(folder / file) for file in files)
    return _evaluation(model, subset, dataset, _key(model, subset), (subset.dataset, versions))


def forget_datasets() -> None:
    """Close the open data sets, so that the disk space of removed ones is freed."""
    _evaluation.clear()
    datasets.forget_datasets()


@st.cache_resource(max_entries=16, show_spinner=False)
def _cached_on_predictions(
    _function: Callable[[Sequence[Predictions]], Result],
    name: str,
    _models: Sequence[Run],
    _subset: EvaluationSubset,
    keys: Sequence[Key],
) -> Result:
    return _function([predictions(model, _subset) for model in _models])


def cached_on_predictions(
    function: Callable[[Sequence[Predictions]], Result],
    models: Sequence[Run],
    subset: EvaluationSubset,
) -> Result:
    """Call a function on the predictions of several models and cache the result.

    Args:
        function: module-level, because its qualified name is part of the cache key.
        models: the models.
        subset: the faces.

    Raises:
        UserError: predictions are missing or damaged, or no face is left.
    """
    keys = [_key(model, subset) for model in models]
    return _cached_on_predictions(function, function.__qualname__, models, subset, keys)


def stored_evaluations(model: Run, fingerprint: str) -> list[Predictions]:
    """Return all readable predictions of a model for faces of a data set.

    Args:
        model: a run or a bundled model.
        fingerprint: the data set's.
    """
    readable = []
    for folder in model.evaluation_paths():
        if folder.name.startswith(fingerprint[:12]):
            with suppress(UserError):
                readable.append(stored_predictions(model, folder))
    return readable


def probabilities(model: Run, dataset: FaceDataset) -> NDArray[np.float32]:
    """Return a model's stored predictions for all faces of a data set.

    Returns:
        float32 (n, 7), NaN for faces without predictions.
    """
    result = np.full((len(dataset), len(EMOTIONS)), np.nan, np.float32)
    ids = pd.Index(dataset.ids)
    for predicted in stored_evaluations(model, dataset.fingerprint):
        positions = ids.get_indexer(pd.Index(predicted.ids))
        result[positions[positions >= 0]] = predicted.probabilities[positions >= 0]
    return result


def face_probabilities(model: Run, fingerprint: str, face_id: str) -> NDArray[np.float32] | None:
    """Return a model's stored prediction for one face, float32 (7,), or None."""
    for predicted in stored_evaluations(model, fingerprint):
        positions = np.flatnonzero(predicted.ids == face_id)
        if len(positions):
            return np.asarray(predicted.probabilities[positions[0]])
    return None


@st.cache_data(max_entries=4, show_spinner=False)
def _label_issues(
    _dataset: FaceDataset, fingerprint: str, stored: tuple[tuple[Path, tuple[int, ...]], ...]
) -> LabelIssues:
    return find_label_issues(_dataset)


def label_issues(dataset: FaceDataset) -> LabelIssues:
    """Return the likely mislabeled faces of a data set, by the stored predictions."""
    folders = [folder for model in list_models() for folder in model.evaluation_paths()]
    stored = tuple(
        (folder, file_version(folder / "predictions.npz"))
        for folder in folders
        if folder.name.startswith(dataset.fingerprint[:12])
    )
    return _label_issues(dataset, dataset.fingerprint, stored)
