"""The only place with st.cache_*: what is expensive to open and safe to share."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.processor import ProcessorLoad
from pipeline.data import store
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.doubts import doubts_by_model
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.roc import RocCurve, roc_curves
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, RunTable, list_models
from pipeline.vision.recognizer import Recognizer
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


@st.cache_data(max_entries=64, show_spinner=False)
def _predictions(_model: Run, folder: Path, changed: float) -> Predictions:
    return load_predictions(_model, folder)


def stored_predictions(model: Run, folder: Path) -> Predictions:
    """Read an evaluation of a model, again only after its file has changed.

    Raises:
        UserError: it is missing or damaged.
    """
    return _predictions(model, folder, _changed(folder))


def _changed(folder: Path) -> float:
    file = folder / "predictions.npz"
    return file.stat().st_mtime if file.exists() else 0.0


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


@st.cache_data(max_entries=256, show_spinner=False)
def _metrics(_model: Run, folder: Path, changed: float) -> tuple[Metrics, tuple[float, float]]:
    predictions = stored_predictions(_model, folder)
    return compute_metrics(predictions), accuracy_interval(predictions)


def metrics(model: Run, folder: Path) -> tuple[Metrics, tuple[float, float]]:
    """Return the figures of an evaluation and the 95 % interval of its accuracy.

    Raises:
        UserError: its predictions are missing or damaged.
    """
    return _metrics(model, folder, _changed(folder))


@st.cache_data(max_entries=64, show_spinner=False)
def _curves(_model: Run, folder: Path, changed: float) -> list[RocCurve]:
    return roc_curves(stored_predictions(_model, folder))


def curves(model: Run, folder: Path) -> list[RocCurve]:
    """Return the ROC curves of an evaluation.

    Raises:
        UserError: its predictions are missing or damaged.
    """
    return _curves(model, folder, _changed(folder))


@st.cache_resource(max_entries=4, show_spinner="Loading the model…")
def _compiled(_model: Run, path: str, changed: float) -> Recognizer:
    return Recognizer.load(_model, "default")


def recognizer(model: Run) -> Recognizer:
    """Return a recognizer for one thread; the compiled model behind it is shared by all."""
    path = model.openvino_path
    return _compiled(model, str(path), path.stat().st_mtime).share()


@st.cache_resource(show_spinner=False)
def processor() -> ProcessorLoad:
    """Return what tells how busy the processor is, to all who look."""
    return ProcessorLoad()
