"""A run's trained model as OpenVINO, with class activation maps as a second output.

The only module besides the trainer and the models that loads keras, and it does so inside.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.workspace import ZOO, check_name

if TYPE_CHECKING:
    from keras import Model

SHIPPED = ("config.json", "status.json", "history.csv", "train.log")


def load_keras(run: Run) -> Model:
    """Load a run's trained model, from its `model.keras` or its shipped float16 weights.

    Raises:
        UserError: the file is missing or damaged.
    """
    import keras

    from pipeline.training.trainer import rebuild

    try:
        if not run.shipped:
            return keras.models.load_model(run.weights_path, compile=False)
        model = rebuild(run.config().train)
        model.load_weights(run.weights_path)
        return model
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{run.name}' has no readable {run.weights_path.name}: train it to its end first."
        ) from error


def export_openvino(run: Run) -> Path:
    """Write the run's `openvino/model.xml` and `.bin` in float32, whole or not at all.

    Input `faces`: grey float32 (n, 48, 48, 1), 0-255. Outputs: `probabilities` (n, 7) and `cam`
    (n, h, w, 7), the last feature maps times the dense weights (Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150).

    Raises:
        UserError: the run has no trained model.
    """
    os.environ.setdefault("CI", "true")  # keeps the converter from sending telemetry
    import openvino as ov

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
        ov.save_model(network, whole / target.name, compress_to_fp16=False)
        shutil.rmtree(target.parent, ignore_errors=True)
        whole.rename(target.parent)
    return target


def _with_activation_maps(model: Model) -> Model:
    import keras

    dense = model.get_layer("probabilities")
    features = model.get_layer("pooled").input
    maps = keras.layers.Dense(dense.units, use_bias=False, name="cam")
    both = keras.Model(model.inputs, [model.outputs[0], maps(features)])
    maps.set_weights([dense.get_weights()[0]])
    return both


def ship(run: Run, name: str) -> Run:
    """Copy a finished run into `models/zoo`, its weights as float16, and export it from these.

    Raises:
        UserError: the name is taken or not a plain name, or the run is not finished.
    """
    target = Run(ZOO / check_name(name))
    if target.path.exists():
        raise UserError(f"The zoo has a model '{name}': remove its folder first.")
    if run.state() != "finished":
        raise UserError(f"Run '{run.name}' is {run.state()}: only a finished one can be shipped.")
    ZOO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=ZOO) as folder:
        whole = Run(Path(folder) / name)
        whole.path.mkdir()
        for file in SHIPPED:
            shutil.copy(run.path / file, whole.path)
        if run.config().exclusion:
            shutil.copy(run.exclusions_path, whole.path)
        whole.update_status(pid=None, process_started=None)
        _float16(run).save_weights(whole.path / target.weights_path.name)
        whole.path.rename(target.path)
    export_openvino(target)
    return target


def _float16(run: Run) -> Model:
    import keras

    from pipeline.training.trainer import rebuild

    trained = load_keras(run)
    keras.config.set_dtype_policy("float16")
    try:
        small = rebuild(run.config().train)
    finally:
        keras.config.set_dtype_policy("float32")
    small.set_weights(trained.get_weights())
    return small
