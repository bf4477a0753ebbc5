"""What the layers of a network hold and compute."""

import math
from collections.abc import Iterator

import keras

from pipeline.training.estimate import Layer


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Give a model's layers from the first to the last, a backbone's own in its place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def describe(layer: keras.Layer) -> Layer:
    """Return the size and the cost of a built layer that is used once."""
    shape = layer.output.shape[1:]
    kernel = getattr(layer, "kernel", None)
    # Every place of the output takes one product with the whole kernel.
    products = 0 if kernel is None else math.prod(kernel.shape) * math.prod(shape[:-1])
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        output_shape=shape,
        parameters=layer.count_params(),
        multiply_adds=products,
    )
