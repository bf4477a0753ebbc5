"""A run's trained model as OpenVINO, also in int8, and as LiteRT, each with activation maps.

The only module besides the trainer and the models that loads keras, and it does so inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.data.store import datasets_of
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.faces import training_faces
from pipeline.vision.recognizer import read_network

if TYPE_CHECKING:
    import openvino as ov
    from keras import Model

CALIBRATION_FACES = 300
_LARGE = 10_000_000  # parameters


def export_openvino(run: Run) -> Path:
    """Write the run's `openvino/model.xml` and `.bin` in float32, whole or not at all.

    Of a large shipped model the weights are float16, which its Keras weights are, too.

    Other exports, of what may have been another model, are removed.

    Input `faces`: grey float32 (n, 48, 48, 1), 0-255. Outputs: `probabilities` (n, 7) and `cam`
    (n, h, w, 7), the last feature maps times the dense weights (Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150).

    Raises:
        UserError: the run has no trained model.
    """
    os.environ.setdefault("CI", "true")  # keeps the converter from sending telemetry
    import openvino as ov

    from pipeline.training.keras_model import load_keras

    model = _with_activation_maps(load_keras(run))
    target = run.openvino_path
    with tempfile.TemporaryDirectory(dir=run.path) as folder:
        converted = Path(folder) / "converted.xml"
        model.export(str(converted), format="openvino", verbose=False)
        network = ov.Core().read_model(converted)
        for output in network.outputs:
            name = "probabilities" if len(output.partial_shape) == 2 else "cam"
            output.get_tensor().set_names({name})
        whole = Path(folder) / "openvino"
        halved = run.shipped and model.count_params() >= _LARGE
        ov.save_model(network, whole / target.name, compress_to_fp16=halved)
        shutil.rmtree(target.parent, ignore_errors=True)
        whole.rename(target.parent)
    return target


def export_int8(run: Run) -> Path:
    """Write the run's `openvino/int8.xml` and `.bin`, whole or not at all, from its float32 model.

    Convolutions are computed in 8 bits, in ranges that are measured on 300 of the faces that it was
    fitted on (NNCF, Kozlov et al. 2020, https://arxiv.org/abs/2002.08679). Input, outputs and
    normalisation that is not part of a convolution stay.

    Raises:
        UserError: the exported model or the run's data set is missing or damaged.
    """
    import openvino as ov

    target = run.int8_path
    network = _quantized(read_network(run), _calibration_faces(run))
    with tempfile.TemporaryDirectory(dir=run.path) as folder:
        made = Path(folder) / target.name
        ov.save_model(network, made, compress_to_fp16=False)
        target.unlink(missing_ok=True)  # so that no kill leaves the old one with the new weights
        made.with_suffix(".bin").replace(target.with_suffix(".bin"))
        made.replace(target)
    return target


def _calibration_faces(run: Run) -> NDArray[np.uint8]:
    """Draw training faces by the run's seed, of each emotion its share."""
    config = run.config()
    if not datasets_of(config.dataset_fingerprint):
        raise UserError(
            f"int8 is measured on the faces that '{run.name}' was trained on, and its data set "
            f"'{config.train.dataset}' (fingerprint {config.dataset_fingerprint[:12]}) is not "
            "here: import it first."
        )
    faces, seed = training_faces(run), config.train.seed
    drawn = np.random.default_rng(seed).permutation(faces.training_indices(seed))
    by_emotion = drawn[np.argsort(faces.labels[drawn], kind="stable")]
    count = min(CALIBRATION_FACES, len(drawn))
    return np.asarray(faces.images[by_emotion[np.arange(count) * len(drawn) // count]])


def _quantized(network: ov.Model, faces: NDArray[np.uint8]) -> ov.Model:
    os.environ.setdefault("NNCF_CI", "1")  # keeps it from sending telemetry
    with redirect_stdout(StringIO()):  # its bars and its log are none of a command's output
        import nncf  # type: ignore[import-untyped]

        batches = faces[:, np.newaxis, ..., np.newaxis].astype(np.float32)
        return nncf.quantize(
            network,
            nncf.Dataset(batches),
            subset_size=len(faces),
            fast_bias_correction=False,  # nearer to float32, in little more time
            # Batch normalisation before a convolution: its channels' ranges differ too much.
            ignored_scope=nncf.IgnoredScope(types=["Multiply"], validate=False),
        )


def export_litert(run: Run) -> Path:
    """Write the run's `openvino/model.tflite` in float32, whole or not at all.

    Input and outputs are those of `export_openvino`, by name in its signature.

    Raises:
        UserError: the run has no trained model.
    """
    from pipeline.training.keras_model import load_keras

    model = _with_activation_maps(load_keras(run))
    target = run.litert_path
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.path) as folder:
        made = Path(folder) / target.name
        model.export(str(made), format="litert", verbose=False)
        made.replace(target)
    return target


def _with_activation_maps(model: Model) -> Model:
    import keras

    dense = model.get_layer("probabilities")
    features = model.get_layer("pooled").input
    maps = keras.layers.Dense(dense.units, use_bias=False, name="cam")
    both = keras.Model(model.inputs, {"probabilities": model.outputs[0], "cam": maps(features)})
    maps.set_weights([dense.get_weights()[0]])
    # Unless told, Resizing turns training on for all after it: normalisation by the batch.
    faces = keras.Input(model.input_shape[1:], name="faces")
    return keras.Model(faces, both(faces, training=False))
