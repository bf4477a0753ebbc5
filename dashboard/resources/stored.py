"""The table of runs, and what models said of whole data sets."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.resources.identity import identity
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.doubts import doubts_by_model
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, RunTable, list_models
from pipeline.workspace import workspace


@st.cache_resource(max_entries=4, show_spinner=False)
def _runs(workspace: Path) -> RunTable:
    return RunTable()


def runs() -> RunTable:
    """Return the table of the workspace's runs, which reads again only what has changed."""
    return _runs(workspace())


@st.cache_resource(max_entries=64, show_spinner=False)
def _predictions(_model: Run, folder: Path, changed: tuple[int, ...]) -> Predictions:
    return load_predictions(_model, folder)


def stored_predictions(model: Run, folder: Path) -> Predictions:
    """Read an evaluation of a model, again only after its file has changed.

    Raises:
        UserError: it is missing or damaged.
    """
    return _predictions(model, folder, identity(folder / "predictions.npz"))


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
    _of: FaceDataset, fingerprint: str, stored: tuple[tuple[Path, tuple[int, ...]], ...]
) -> dict[str, NDArray[np.bool_]]:
    return doubts_by_model(_of)


def doubts(of: FaceDataset) -> dict[str, NDArray[np.bool_]]:
    """Return model → bool (n,), the faces whose label its stored probabilities speak against."""
    folders = [folder for model in list_models() for folder in model.evaluation_paths()]
    mine = [folder for folder in folders if folder.name.startswith(of.fingerprint[:12])]
    return _doubts(
        of, of.fingerprint, tuple((folder, identity(folder / "predictions.npz")) for folder in mine)
    )


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
