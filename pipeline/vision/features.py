"""Feature vectors of faces: the input of a model's dense layer."""

from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.vision.recognizer import compile_network, read_network

_BATCH = 128
_AFTER_DENSE_WEIGHTS = ("Result", "Softmax", "Add")


def last_features(
    model: Run,
    faces: NDArray[np.uint8],
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> NDArray[np.float32]:
    """Return the globally averaged last feature maps, float32 (n, d), computed in float32.

    Args:
        model: a run or a bundled model.
        faces: gray uint8 (n, 48, 48), 0-255, at least one.
        on_progress: called with the fraction of the faces that is done, 0 to 1.

    Raises:
        UserError: the exported model is missing or damaged, or does not end in a dense layer.
    """
    compiled = compile_network(_without_dense_layer(model))
    parts = []
    for start in range(0, len(faces), _BATCH):
        batch = faces[start : start + _BATCH, ..., np.newaxis].astype(np.float32)
        parts.append(compiled([batch])[0].copy())  # the next batch overwrites it
        on_progress(min(1.0, (start + _BATCH) / len(faces)))
    return np.concatenate(parts)


def _without_dense_layer(model: Run) -> ov.Model:
    """Return the model without its dense layer, found by walking back from the probabilities."""
    network = read_network(model)
    for output in network.outputs:
        node = output.get_node()
        while node.get_type_name() in _AFTER_DENSE_WEIGHTS:
            node = node.input_value(0).get_node()
        if "probabilities" in output.get_names() and node.get_type_name() == "MatMul":
            return ov.Model([node.input_value(0)], network.get_parameters())
    raise UserError(
        f"The last features of '{model.name}' cannot be read: its exported model does not end in "
        "a dense softmax layer. Choose another model, or export it again."
    )
