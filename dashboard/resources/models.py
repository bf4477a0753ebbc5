"""The table of runs, compiled models, viewer slots and CPU load."""

import os
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.resources.cpu_load import CpuLoad
from pipeline.data.dataset import FaceDataset
from pipeline.report.model_list import ModelEntry, model_entries
from pipeline.runs import Run, RunTable
from pipeline.storage import file_version
from pipeline.vision.live.viewer_slots import ViewerSlots
from pipeline.vision.recognizer import Precision, Recognizer
from pipeline.workspace import workspace


@st.cache_resource(max_entries=4, show_spinner=False)
def _runs(workspace: Path) -> RunTable:
    return RunTable()


def runs() -> RunTable:
    """Return the table of the workspace's runs, which reads again only what has changed."""
    return _runs(workspace())


def models() -> list[ModelEntry]:
    """Return all models with their accuracy, as `model_entries` orders them."""
    return model_entries(runs().models())


def trained_models() -> list[ModelEntry]:
    """Return all models with Keras weights, also those without an export, in the same order."""
    return model_entries(runs().trained())


def model_names() -> dict[str, str]:
    """Return run or bundled model → its name for people."""
    return runs().names()


@st.cache_resource(max_entries=4, show_spinner="Loading the model…")
def _compiled(
    _model: Run, precision: Precision, path: str, *changed: tuple[int, ...]
) -> Recognizer:
    # Half of the cores are left to the videos themselves.
    streams = max(1, (os.cpu_count() or 1) // 2)
    return Recognizer.load(_model, precision, threads=1, streams=streams)


def recognizer(model: Run) -> Recognizer:
    """Return a recognizer on one thread, int8 if the model has an int8 export.

    All callers share the compiled model.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    quantized = model.int8_path.is_file()
    path = model.int8_path if quantized else model.openvino_path
    changed = file_version(path), file_version(model.calibration_path)
    return _compiled(model, "int8" if quantized else "default", str(path), *changed).share()


@st.cache_data(max_entries=64, show_spinner=False)
def _activation_maps(
    _model: Run,
    _dataset: FaceDataset,
    fingerprint: str,
    path: str,
    changed: tuple[int, ...],
    rows: tuple[int, ...],
) -> NDArray[np.float32]:
    return recognizer(_model).explain(_dataset.images[list(rows)])[1]


def activation_maps(
    model: Run, dataset: FaceDataset, rows: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the class activation maps of some faces of a data set, float32 (n, h, w, 7).

    Raises:
        UserError: the exported model is missing or damaged.
    """
    path = model.openvino_path
    changed = file_version(path)
    indices = tuple(rows.tolist())
    return _activation_maps(model, dataset, dataset.fingerprint, str(path), changed, indices)


@st.cache_resource(show_spinner=False)
def viewer_slots() -> ViewerSlots:
    """Return the slots for live videos that all sessions share.

    Their number is `$EMOTION_VIEWERS`, else the number of CPU cores.
    """
    limit = os.environ.get("EMOTION_VIEWERS", "")
    return ViewerSlots(limit.isdecimal() and int(limit) or os.cpu_count() or 1)


@st.cache_resource(show_spinner=False)
def cpu_load() -> CpuLoad:
    """Return the CPU utilization that all sessions share."""
    return CpuLoad()
