"""A finished run becomes a model that comes with the project."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.sample import draw_face
from pipeline.errors import UserError
from pipeline.export import export_int8, export_openvino
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import ZOO, check_name

_DRAWN, _TRIED = 32, 128
_SURE = 0.1  # by so much an emotion leads that rounding puts no other before it
_COPIED = ("config.json", "status.json", "history.csv", "train.log")


def ship(run: Run, name: str) -> Run:
    """Copy a finished run into `models/zoo`, its weights as float16, and export it from these.

    What it says of 32 drawn faces is stored beside it, if there are as many of such as it is sure
    of, also in int8: another machine can check itself by that.

    Raises:
        UserError: the name is taken or not a plain name, the run is not finished, or its data set
            is not here.
    """
    from pipeline.training.keras_model import save_float16  # loads keras

    target = Run(ZOO / check_name(name))
    if target.path.exists():
        raise UserError(f"The zoo has a model '{name}': remove its folder first.")
    if run.state() != "finished":
        raise UserError(f"Run '{run.name}' is {run.state()}: only a finished one can be shipped.")
    ZOO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=ZOO) as folder:
        whole = Run(Path(folder) / name)
        whole.path.mkdir()
        for file in _COPIED:
            shutil.copy(run.path / file, whole.path)
        if run.config().exclusion:
            shutil.copy(run.exclusions_path, whole.path)
        whole.update_status(pid=None, process_started=None)
        save_float16(run, whole.path / target.weights_path.name)
        whole.path.rename(target.path)
    export_openvino(target)
    export_int8(target)
    _store_drawn(target)
    return target


def _store_drawn(model: Run) -> None:
    """Store faces and probabilities: of those drawn, first such as no rounding changes."""
    faces = np.stack(
        [draw_face(EMOTIONS[i % len(EMOTIONS)], np.random.default_rng(i)) for i in range(_TRIED)]
    )
    said, in_int8 = (Recognizer.load(model, of).predict(faces) for of in ("f32", "int8"))
    lead = np.minimum(_lead(said, said.argmax(1)), _lead(in_int8, said.argmax(1)))
    kept = np.argsort(lead < _SURE, kind="stable")[:_DRAWN]
    np.savez_compressed(model.drawn_path, faces=faces[kept], probabilities=said[kept])


def _lead(probabilities: NDArray[np.float32], emotions: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return by how much an emotion of each row leads; below 0 where another one does."""
    own = np.arange(len(emotions)), emotions
    others = probabilities.copy()
    others[own] = 0
    return np.asarray(probabilities[own] - others.max(axis=1))
