"""The only place with st.cache_*: what is expensive to open and safe to share."""

from pathlib import Path

import streamlit as st

from pipeline.data import store
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.roc import RocCurve, roc_curves
from pipeline.runs import Run
from pipeline.vision.recognizer import Recognizer


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(name: str, fingerprint: str) -> FaceDataset:
    """Open a data set; its pictures stay on disk. The fingerprint keeps a stale one from use."""
    return store.load_dataset(name)


def dataset_by_fingerprint(fingerprint: str) -> FaceDataset | None:
    """Open the data set of a fingerprint, whatever its name; None if it is not here or damaged.

    Args:
        fingerprint: its first 12 characters or more.
    """
    for name in store.dataset_names():
        try:
            found = store.dataset_info(name).fingerprint
            if found.startswith(fingerprint):
                return dataset(name, found)
        except UserError:
            continue
    return None


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
