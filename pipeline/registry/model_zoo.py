"""The model zoo: copies finished runs to the models bundled with the project."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.sample import draw_face
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.openvino_export import export_int8, export_openvino
from pipeline.runs import Run
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import ZOO, check_name

GOLDEN_FACES, CANDIDATES = 32, 128
MIN_MARGIN = 0.1  # of probability; within it, rounding might change the predicted emotion
COPIED = ("config.json", "status.json", "history.csv", "train.log")


def bundle(run: Run, name: str) -> Run:
    """Copy a finished run into `models/zoo`, its weights as float16, and export it from these.

    Its golden outputs are stored with it: probabilities of 32 synthetic faces, by which another
    machine can check the model.

    Raises:
        UserError: the name is taken or not a plain name, the run is not finished, or its data set
            is missing.
    """
    from pipeline.training.keras_model import save_float16  # loads keras

    target = Run(ZOO / check_name(name))
    if target.path.exists():
        raise UserError(f"The zoo has a model '{name}': remove its folder first.")
    if run.state() != "finished":
        raise UserError(f"Run '{run.name}' is {run.state()}: only a finished one can be bundled.")
    ZOO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=ZOO) as folder:
        partial = Run(Path(folder) / name)
        partial.path.mkdir()
        for file in COPIED:
            shutil.copy(run.path / file, partial.path)
        if run.config().exclusion:
            shutil.copy(run.exclusions_path, partial.path)
        partial.update_status(pid=None, process_started=None)
        save_float16(run, partial.path / target.weights_path.name)
        partial.path.rename(target.path)
    export_openvino(target)
    export_int8(target)
    _store_golden_outputs(target)
    return target


def _store_golden_outputs(model: Run) -> None:
    """Store synthetic faces and their float32 probabilities in `golden.npz`.

    Candidates whose emotion leads by a margin, in int8 too, are preferred.
    """
    faces = np.stack(
        [
            draw_face(EMOTIONS[i % len(EMOTIONS)], np.random.default_rng(i))
            for i in range(CANDIDATES)
        ]
    )
    float32 = Recognizer.load(model, "f32").predict(faces)
    int8 = Recognizer.load(model, "int8").predict(faces)
    predicted = float32.argmax(axis=1)
    margin = np.minimum(_margin(float32, predicted), _margin(int8, predicted))
    chosen = np.argsort(margin < MIN_MARGIN, kind="stable")[:GOLDEN_FACES]
    np.savez_compressed(model.golden_path, faces=faces[chosen], probabilities=float32[chosen])


def _margin(probabilities: NDArray[np.float32], emotions: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return by how much the given emotion of each row leads; below 0 where another one does."""
    cells = np.arange(len(emotions)), emotions
    others = probabilities.copy()
    others[cells] = 0
    return np.asarray(probabilities[cells] - others.max(axis=1))
