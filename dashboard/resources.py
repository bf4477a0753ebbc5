"""The only place with st.cache_*: what is expensive to open and safe to share."""

from pathlib import Path

import streamlit as st

from pipeline.data import store
from pipeline.data.dataset import FaceDataset
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.runs import Run
from pipeline.vision.recognizer import Recognizer


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(name: str, fingerprint: str) -> FaceDataset:
    """Open a data set; its pictures stay on disk. The fingerprint keeps a stale one from use."""
    return store.load_dataset(name)


@st.cache_data(max_entries=64, show_spinner=False)
def _predictions(_model: Run, folder: Path, changed: float) -> Predictions:
    return load_predictions(_model, folder)


def stored_predictions(model: Run, folder: Path) -> Predictions:
    """Read an evaluation of a model, again only after its file has changed.

    Raises:
        UserError: it is missing or damaged.
    """
    file = folder / "predictions.npz"
    return _predictions(model, folder, file.stat().st_mtime if file.exists() else 0.0)


@st.cache_resource(max_entries=4, show_spinner="Loading the model…")
def _compiled(_model: Run, path: str, changed: float) -> Recognizer:
    return Recognizer.load(_model, "default")


def recognizer(model: Run) -> Recognizer:
    """Return a recognizer for one thread; the compiled model behind it is shared by all."""
    path = model.openvino_path
    return _compiled(model, str(path), path.stat().st_mtime).share()
