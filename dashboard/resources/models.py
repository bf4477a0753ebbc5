"""Compiled models, and what they share while they are live."""

import os

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.processor import ProcessorLoad
from dashboard.resources.identity import identity
from pipeline.data.dataset import FaceDataset
from pipeline.runs import Run
from pipeline.vision.places import Places
from pipeline.vision.recognizer import Precision, Recognizer


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
    changed = identity(path), identity(model.calibration_path)
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
    changed = identity(path)
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
