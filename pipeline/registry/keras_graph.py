"""The Keras graph that a model is exported from, with class activation maps as second output.

Importing this loads no keras; its functions do.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.registry.parity import TOLERANCE, check_faces
from pipeline.runs import Run, find_model
from pipeline.vision.recognizer import Recognizer

if TYPE_CHECKING:
    from keras import KerasTensor, Model


def keras_graph(run: Run) -> Model:
    """Return a run's trained model, or the joined models of an ensemble.

    Input `faces`: gray float32 (n, 48, 48, 1), 0-255. Outputs: `probabilities` (n, 7) and `cam`
    (n, h, w, 7), the last feature maps times the dense weights (Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150); an ensemble has maps where the sizes agree.

    Raises:
        UserError: there is no Keras model, or a member of an ensemble is not as it was.
    """
    config = run.config()
    if config.kind == "imported":
        raise UserError(
            f"'{run.name}' was imported, and its OpenVINO graph cannot be converted further: "
            "export it with --format openvino, or take its source file."
        )
    if config.ensemble is None:
        from pipeline.training.keras_model import load_keras

        return _with_activation_maps(load_keras(run))
    try:
        members = [keras_graph(find_model(name)) for name in config.ensemble.models]
    except UserError as error:
        raise UserError(
            f"An ensemble is converted from the Keras models of its members: {error}"
        ) from error
    joined = _joined(members, config.ensemble.weights)
    stored = Recognizer.load(run).predict(check_faces())
    if np.abs(keras_probabilities(joined) - stored).max() > TOLERANCE:
        raise UserError(
            f"A member of '{run.name}' has changed since they were joined: export it with "
            "--format openvino, or join them again."
        )
    return joined


def keras_probabilities(graph: Model) -> NDArray[np.float32]:
    """Return what a graph predicts for the check faces, float32 (7, 7)."""
    faces = check_faces()[..., np.newaxis].astype(np.float32)
    return np.asarray(graph(faces, training=False)["probabilities"])


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


def _joined(members: list[Model], weights: tuple[float, ...]) -> Model:
    import keras

    faces = keras.Input(members[0].input_shape[1:], name="faces")
    predicted = [member(faces, training=False) for member in members]
    sizes = {outputs["cam"].shape if "cam" in outputs else None for outputs in predicted}
    names = (
        ("probabilities", "cam") if len(sizes) == 1 and None not in sizes else ("probabilities",)
    )

    def mean(name: str) -> KerasTensor:
        parts = [each[name] * weight for each, weight in zip(predicted, weights, strict=True)]
        return reduce(lambda x, y: x + y, parts)

    return keras.Model(faces, {name: mean(name) for name in names})
