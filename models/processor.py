"""Keras layers as a processor trains them fastest: the same mathematics in other operations.

Keras' batch normalisation copies its input to float32 and goes over it a dozen times. oneDNN's
convolutions are slow where maps are small and kernels are many, as in the last stages of a ResNet
at 48 pixels, and so are its weight gradients. `benchmarks/layers.py` measures what this brings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras import Model, layers
    from tensorflow import Tensor, Variable

_MANY_WEIGHTS = 65_536  # from so many on, matrix products are quicker than oneDNN's gradient
_SMALL_MAP = 9  # positions; up to so many, one product is quicker than oneDNN's convolution


def quicken(model: Model) -> None:
    """Give a model's layers their quick operations, where TensorFlow trains on a processor.

    Weights, files and results stay as they are, to rounding.

    Args:
        model: a built model; compile it afterwards.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or _has_gpu():
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = _normalization(layer)
        elif type(layer) is keras.layers.Conv2D:
            taps, positions = math.prod(layer.kernel_size), math.prod(layer.output.shape[1:3])
            if taps == 1 or (_has_many_weights(layer) and positions <= _SMALL_MAP):
                layer.convolution_op = _product(layer)
            elif _has_many_weights(layer):
                layer.convolution_op = _convolution(layer)


def _has_many_weights(layer: layers.Conv2D) -> bool:
    return bool(math.prod(layer.kernel.shape) >= _MANY_WEIGHTS)


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _normalization(layer: layers.BatchNormalization) -> Callable[..., Tensor]:
    """Return the layer's call by TensorFlow's fused operation, which keeps bfloat16 as it is."""
    import tensorflow as tf

    def call(inputs: Tensor, training: bool | None = None, mask: None = None) -> Tensor:
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        learns = bool(training and layer.trainable)
        output, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma.value if layer.scale else tf.ones_like(mean),
            offset=layer.beta.value if layer.center else tf.zeros_like(mean),
            mean=tf.zeros(0) if learns else mean,
            variance=tf.zeros(0) if learns else variance,
            epsilon=layer.epsilon,
            is_training=learns,
        )
        if learns:
            count = tf.cast(tf.size(inputs) / tf.size(mean), tf.float32)
            biased = batch_variance * (count - 1) / count  # as Keras counts, TensorFlow does not
            layer.moving_mean.assign(_towards(mean, batch_mean, layer.momentum))
            layer.moving_variance.assign(_towards(variance, biased, layer.momentum))
        return output

    return call


def _towards(average: Tensor, value: Tensor, momentum: float) -> Tensor:
    return average * momentum + value * (1 - momentum)


def _product(layer: layers.Conv2D) -> Callable[[Tensor, Variable], Tensor]:
    """Return the layer's convolution as one matrix product of what its taps see."""
    import tensorflow as tf

    shape = layer.output.shape[1:]

    def convolve(inputs: Tensor, kernel: Variable) -> Tensor:
        seen = tf.concat(_seen_by_taps(layer, inputs), axis=-1)
        matrix = tf.reshape(kernel, (-1, shape[-1]))
        return tf.reshape(tf.reshape(seen, (-1, matrix.shape[0])) @ matrix, (-1, *shape))

    return convolve


def _convolution(layer: layers.Conv2D) -> Callable[[Tensor, Variable], Tensor]:
    """Return the layer's convolution with its weight gradient as one matrix product a tap."""
    import tensorflow as tf

    options: dict[str, Any] = {
        "strides": (1, *layer.strides, 1),
        "padding": layer.padding.upper(),
    }

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        def gradient(slope: Tensor) -> tuple[Tensor, Tensor]:
            towards_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs), filter=kernel, out_backprop=slope, **options
            )
            slopes = tf.reshape(slope, (-1, slope.shape[-1]))
            products = [
                tf.matmul(tf.reshape(seen, (-1, inputs.shape[-1])), slopes, transpose_a=True)
                for seen in _seen_by_taps(layer, inputs)
            ]
            return towards_inputs, tf.reshape(tf.stack(products), kernel.shape)

        return tf.nn.conv2d(inputs, kernel, **options), gradient

    return lambda inputs, kernel: convolve(inputs, tf.convert_to_tensor(kernel))


def _seen_by_taps(layer: layers.Conv2D, inputs: Tensor) -> list[Tensor]:
    """Return for each tap of a kernel, row by row, the inputs that it meets, shaped as outputs."""
    import tensorflow as tf

    strides, size, extent = layer.strides, layer.kernel_size, layer.output.shape[1:3]
    spans = [(n - 1) * step + 1 for n, step in zip(extent, strides, strict=True)]
    if layer.padding == "same":
        missing = [
            max(span + taps - 1 - n, 0)
            for span, taps, n in zip(spans, size, inputs.shape[1:3], strict=True)
        ]
        edges = [[short // 2, short - short // 2] for short in missing]
        inputs = tf.pad(inputs, [[0, 0], *edges, [0, 0]]) if any(missing) else inputs
    taps = itertools.product(*map(range, size))
    seen = [tf.slice(inputs, (0, *tap, 0), (-1, *spans, -1)) for tap in taps]
    if strides == (1, 1):
        return seen  # the gradient of a slice with strides is slow
    return [each[:, :: strides[0], :: strides[1]] for each in seen]
