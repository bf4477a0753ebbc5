"""Exports of a run's trained model: OpenVINO in float32 and int8, and LiteRT.

Each has class activation maps as a second output. Keras is loaded inside the functions only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.data.sample import draw_face
from pipeline.data.store import datasets_of
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.storage import temporary_folder
from pipeline.training.run_setup import training_faces
from pipeline.vision.recognizer import compile_network, read_network

if TYPE_CHECKING:
    import openvino as ov
    from keras import Model

CALIBRATION_FACES = 300
_TOLERANCE = 1e-3
_LARGE = 10_000_000  # parameters


def export_openvino(run: Run) -> Path:
    """Write the run's `openvino/model.xml` and `.bin` in float32, whole or not at all.

    A large bundled model keeps float16 weights, as its Keras weights are. Earlier exports are
    removed: they may be of another model.

    Input `faces`: gray float32 (n, 48, 48, 1), 0-255. Outputs: `probabilities` (n, 7) and `cam`
    (n, h, w, 7), the last feature maps times the dense weights (Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150).

    Raises:
        UserError: the run has no trained model.
    """
    os.environ.setdefault("CI", "true")  # switches the converter's telemetry off
    import openvino as ov

    from pipeline.training.keras_model import load_keras

    model = _with_activation_maps(load_keras(run))
    target = run.openvino_path
    with _writing(run), temporary_folder(run.path) as folder:
        converted = folder / "converted.xml"
        model.export(str(converted), format="openvino", verbose=False)
        network = ov.Core().read_model(converted)
        for output in network.outputs:
            name = "probabilities" if len(output.partial_shape) == 2 else "cam"
            output.get_tensor().set_names({name})
        partial = folder / "openvino"
        large = run.bundled and model.count_params() >= _LARGE
        ov.save_model(network, partial / target.name, compress_to_fp16=large)
        shutil.rmtree(target.parent, ignore_errors=True)
        partial.rename(target.parent)
    return target


def export_int8(run: Run) -> Path:
    """Write the run's `openvino/int8.xml` and `.bin`, whole or not at all, from its float32 model.

    Post-training quantization of the convolutions, calibrated on 300 training faces (NNCF, Kozlov
    et al. 2020, https://arxiv.org/abs/2002.08679). Input, outputs and batch normalization that
    cannot be fused into a convolution stay in float32.

    Raises:
        UserError: the exported model or the run's data set is missing or damaged.
    """
    import openvino as ov

    target = run.int8_path
    network = _quantize(read_network(run), _calibration_faces(run))
    with _writing(run), temporary_folder(run.path) as folder:
        partial = folder / target.name
        ov.save_model(network, partial, compress_to_fp16=False)
        target.unlink(missing_ok=True)  # a kill must not leave the old graph with the new weights
        partial.with_suffix(".bin").replace(target.with_suffix(".bin"))
        partial.replace(target)
    return target


@contextmanager
def _writing(run: Run) -> Iterator[None]:
    """Convert OpenVINO's error of a file that cannot be written, which does not tell the reason."""
    try:
        yield
    except RuntimeError as error:
        if "iostream" not in str(error):
            raise
        raise UserError(
            f"The exported model cannot be written to {run.path}: free some space there, or make "
            "it writable."
        ) from error


def _calibration_faces(run: Run) -> NDArray[np.uint8]:
    """Sample training faces, uint8 (n, 48, 48), by the run's seed, stratified by emotion."""
    config = run.config()
    if not datasets_of(config.dataset_fingerprint):
        raise UserError(
            f"int8 is calibrated on the training faces of '{run.name}', and its data set "
            f"'{config.dataset}' (fingerprint {config.dataset_fingerprint[:12]}) is not "
            "here: import it first."
        )
    faces, seed = training_faces(run), config.seed
    shuffled = np.random.default_rng(seed).permutation(faces.training_indices(seed))
    by_emotion = shuffled[np.argsort(faces.labels[shuffled], kind="stable")]
    count = min(CALIBRATION_FACES, len(shuffled))
    return np.asarray(faces.images[by_emotion[np.arange(count) * len(shuffled) // count]])


def _quantize(network: ov.Model, faces: NDArray[np.uint8]) -> ov.Model:
    os.environ.setdefault("NNCF_CI", "1")  # switches its telemetry off
    with redirect_stdout(StringIO()):  # it prints progress bars and a log
        import nncf  # type: ignore[import-untyped]

        batches = faces[:, np.newaxis, ..., np.newaxis].astype(np.float32)
        return nncf.quantize(
            network,
            nncf.Dataset(batches),
            subset_size=len(faces),
            fast_bias_correction=False,  # closer to float32, in little more time
            # Batch normalization before a convolution: the channels' ranges differ too much.
            ignored_scope=nncf.IgnoredScope(types=["Multiply"], validate=False),
        )


def export_litert(run: Run) -> Path:
    """Write the run's `openvino/model.tflite` in float32, whole or not at all.

    The signature names the input and outputs as `export_openvino` does.

    Raises:
        UserError: the run has no trained model.
    """
    from pipeline.training.keras_model import load_keras

    model = _with_activation_maps(load_keras(run))
    target = run.litert_path
    target.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target.parent) as folder:
        partial = folder / target.name
        model.export(str(partial), format="litert", verbose=False)
        _check_same(partial, model, run.name)
        partial.replace(target)
    return target


def _check_same(path: Path, model: Model, name: str) -> None:
    """Check that an exported file predicts synthetic faces as the Keras model does.

    Raises:
        UserError: a probability differs by more than 0.001.
    """
    import openvino as ov

    drawn = [draw_face(emotion, np.random.default_rng(0)) for emotion in EMOTIONS]
    faces = np.stack(drawn)[..., np.newaxis].astype(np.float32)
    expected = np.asarray(model(faces, training=False)["probabilities"])
    network = ov.Core().read_model(path)
    network.reshape([-1, *faces.shape[1:]])
    outputs = compile_network(network)([faces]).values()
    actual = next(each for each in outputs if each.ndim == 2)
    if not np.allclose(actual, expected, atol=_TOLERANCE):
        raise UserError(
            f"The exported {path.name} of '{name}' does not predict as the model does: export it "
            "to another format."
        )


def _with_activation_maps(model: Model) -> Model:
    import keras

    dense = model.get_layer("probabilities")
    features = model.get_layer("pooled").input
    maps = keras.layers.Dense(dense.units, use_bias=False, name="cam")
    combined = keras.Model(model.inputs, {"probabilities": model.outputs[0], "cam": maps(features)})
    maps.set_weights([dense.get_weights()[0]])
    # Resizing defaults to training=True and passes that on to the batch normalization after it.
    faces = keras.Input(model.input_shape[1:], name="faces")
    return keras.Model(faces, combined(faces, training=False))
