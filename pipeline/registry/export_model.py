"""Exports a model in the format of a runtime, with what its user has to know.

Beside each exported file stands a `.json` of the same name with the labels, input and outputs.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.example import example_code
from pipeline.registry.formats import KERAS_FORMATS
from pipeline.registry.keras_graph import keras_graph, keras_probabilities
from pipeline.registry.openvino_export import (
    export_int8,
    export_openvino,
    move_network,
    save_network,
)
from pipeline.registry.parity import check_faces, check_same, exported_probabilities
from pipeline.runs import Run
from pipeline.storage import (
    remove_leftovers,
    temporary_folder,
    write_atomic,
    write_json,
    write_text,
)
from pipeline.training.tensorboard import CurveWriter, check_tensorboard
from pipeline.vision.network_check import is_usable
from pipeline.vision.recognizer import read_network

EXPORTS = ("openvino", *KERAS_FORMATS, "tensorboard")
"""The formats; the last one is of a run's training curves."""


def can_export(run: Run, to: str) -> bool:
    """Return whether a model can be exported to one of `EXPORTS`."""
    if to == "tensorboard":
        return not run.history().empty
    if run.weights_path.is_file():
        return True
    try:
        return run.exported and (to == "openvino" or run.config().kind == "ensemble")
    except UserError:
        return False


def export_model(
    run: Run, to: str = "openvino", *, int8: bool = False, example: bool = False
) -> Path:
    """Export a model, and check that the file predicts as the Keras model does, within 0.001.

    What a killed export left unfinished is deleted.

    A model that was imported, and an ensemble, are OpenVINO graphs already. int8 is not bound to
    0.001; its difference from float32 is in the JSON, as those of the other formats are.

    Args:
        run: a run, a bundled or imported model, or an ensemble.
        to: one of `EXPORTS`.
        int8: whether to quantize; for `openvino` only. A bundled model, and an ensemble of models
            with int8, have theirs already.
        example: whether to write a program beside it that runs it, with faces for it.

    Returns:
        the file, or the folder of a SavedModel or of curves. That of a bundled model is in the
        workspace, as its own folder stays as it is.

    Raises:
        UserError: the model cannot be exported in this way, or does not predict as it should.
    """
    remove_leftovers(run.exports_path if run.bundled else run.path)
    if to == "tensorboard":
        return _export_curves(run)
    if to == "openvino":
        path, difference = _to_openvino(run, int8)
    else:
        path, difference = _to_keras_format(run, to)
    _describe(run, to, path, difference, int8=int8, example=example)
    return path


def copy_openvino(run: Run, folder: Path) -> None:
    """Write a model's OpenVINO files to a folder, int8 too if it has it, each with its example.

    Nothing is quantized, and the model's own folder stays as it is.

    Raises:
        UserError: one is missing, damaged, or does not predict as the Keras model does.
    """
    for int8 in (False, True) if run.int8_path.is_file() else (False,):
        path, difference = _copy(run, folder, int8)
        _describe(run, "openvino", path, difference, int8=int8, example=True)


def _describe(
    run: Run, to: str, path: Path, difference: float, *, int8: bool, example: bool
) -> None:
    """Write the JSON of an exported file beside it, and the example if it is asked for."""
    folder, file = (path, "") if path.is_dir() else (path.parent, path.name)
    card = f"{Path(file).stem or 'model'}.json"
    write_json(folder / card, _card(run, to, path, difference))
    if example:
        name = "example_int8.py" if int8 else "example.py"
        write_text(folder / name, example_code(to, file, card))
        with write_atomic(folder / "faces.npy") as partial, partial.open("wb") as target:
            np.save(target, check_faces())


def _export_curves(run: Run) -> Path:
    check_tensorboard()
    history = run.history()
    if history.empty:
        raise UserError(f"'{run.name}' has no training curves: it was not trained here.")
    target = run.exports_path / "tensorboard"
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target.parent) as folder:
        rows: Any = history.to_dict("records")
        CurveWriter(folder / "curves", rows).close()
        shutil.rmtree(target, ignore_errors=True)
        (folder / "curves").rename(target)
    return target


def _to_openvino(run: Run, int8: bool) -> tuple[Path, float]:
    if run.bundled:
        return _copy(run, run.exports_path / "openvino", int8)
    kind = run.config().kind
    if kind == "trained" and not is_usable(run.openvino_path):
        export_openvino(run)
    if int8:
        if kind != "ensemble" or not is_usable(run.int8_path):  # that of its members is kept
            export_int8(run)
        return run.int8_path, _difference(run, run.int8_path, int8)
    read_network(run)  # raises if it is damaged
    try:
        return run.openvino_path, _difference(run, run.openvino_path, int8)
    except UserError:
        return export_openvino(run), _difference(run, run.openvino_path, int8)


def _copy(run: Run, folder: Path, int8: bool) -> tuple[Path, float]:
    """Write a model's network to another folder, once it is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (run.int8_path if int8 else run.openvino_path).name
    with temporary_folder(folder) as partial:
        save_network(read_network(run, "int8" if int8 else "f32"), partial / path.name)
        difference = _difference(run, partial / path.name, int8)
        move_network(partial / path.name, path)
    return path, difference


def _difference(run: Run, path: Path, int8: bool) -> float:
    """Return how far an OpenVINO file is from what it was made from.

    Raises:
        UserError: it is float32 and does not predict as the Keras model does.
    """
    if int8:
        exact, quantized = map(exported_probabilities, (run.openvino_path, path))
        return float(np.abs(quantized - exact).max())
    if run.config().kind != "trained":
        return 0.0
    return check_same(path, keras_probabilities(keras_graph(run)), run.name)


def _to_keras_format(run: Run, to: str) -> tuple[Path, float]:
    form = KERAS_FORMATS[to]
    if run.config().kind != "imported":  # which has no graph in any case
        form.check_installed(to)
    graph = keras_graph(run)
    expected = keras_probabilities(graph)
    target = run.exports_path / to
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target.parent) as folder:
        partial = folder / to
        if form.file:
            partial.mkdir()
        form.write(graph, partial / form.file)
        difference = check_same(partial / form.file, expected, run.name)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    if to == "litert":  # where earlier versions wrote it
        earlier = run.exports_path if run.bundled else run.openvino_path.parent
        (earlier / form.file).unlink(missing_ok=True)
    return target / form.file, difference


def _card(run: Run, to: str, path: Path, difference: float) -> dict[str, Any]:
    import openvino as ov

    shapes = [list(each.partial_shape)[1:] for each in ov.Core().read_model(path).outputs]
    return {
        "model": run.name,
        "format": to,
        "file": "." if path.is_dir() else path.name,
        "labels": EMOTIONS,
        "input": {
            "name": "faces",
            "shape": [-1, *run.config().input_shape],
            "dtype": "float32",
            "color": "gray",
            "range": [0, 255],
        },
        "outputs": {
            "probabilities" if len(shape) == 1 else "cam": [-1, *(n.get_length() for n in shape)]
            for shape in shapes
        },
        "largest_difference": difference,
    }
