"""Faster operations for training Keras layers on a CPU: the same mathematics, fewer passes.

Keras' batch normalization copies its input to float32 and reads it a dozen times. oneDNN's
convolutions are slow where maps are small and kernels are many, as in the last stages of a ResNet
at 48 pixels, and so are its weight gradients. `benchmarks/layers.py` measures the gain.

Only plain layers are changed: two-dimensional, channels last, without dilation, groups, masks,
renormalization or synchronization. Any other keeps Keras' own operation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras import Model, layers
    from tensorflow import Tensor

_MANY_WEIGHTS = 65_536  # from this size on, matrix products beat oneDNN's weight gradient
_SMALL_MAP = 9  # positions; up to this size, one matrix product beats oneDNN's convolution
_FUSED_DTYPES = ("float32", "bfloat16")


def optimize_for_cpu(model: Model) -> None:
    """Replace the operations of a model's plain layers, if TensorFlow trains on a CPU.

    Weights, files and results stay the same, up to rounding.

    Args:
        model: a built model; compile it afterwards.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or _has_gpu():
        return
    for layer in model._flatten_layers():
        # Subclasses may compute something else.
        if type(layer) is keras.layers.BatchNormalization and _is_plain_normalization(layer):
            layer.call = _fused_normalization(layer)
        elif type(layer) is keras.layers.Conv2D and _is_plain_convolution(layer):
            layer.call = _fast_convolution(layer)


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _is_plain_normalization(layer: layers.BatchNormalization) -> bool:
    return bool(
        layer.built
        and layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and layer.variable_dtype == "float32"
        and not (layer.renorm or layer.synchronized)
    )


def _is_plain_convolution(layer: layers.Conv2D) -> bool:
    return bool(
        layer.built
        and layer.data_format == "channels_last"
        and layer.dilation_rate == (1, 1)
        and layer.groups == 1
        and (layer.kernel_size == (1, 1) or math.prod(layer.kernel.shape) >= _MANY_WEIGHTS)
    )


def _fused_normalization(layer: layers.BatchNormalization) -> Callable[..., Tensor]:
    """Return the layer's `call` by TensorFlow's fused operation, which does not copy bfloat16."""
    import tensorflow as tf

    def call(inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        dtype = inputs.dtype.name
        if mask is not None or dtype != layer.compute_dtype or dtype not in _FUSED_DTYPES:
            return type(layer).call(layer, inputs, training, mask)
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        updates = bool(training and layer.trainable)
        output, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma.value if layer.scale else tf.ones_like(mean),
            offset=layer.beta.value if layer.center else tf.zeros_like(mean),
            mean=tf.zeros(0) if updates else mean,
            variance=tf.zeros(0) if updates else variance,
            epsilon=layer.epsilon,
            is_training=updates,
        )
        if updates:
            count = tf.cast(tf.size(inputs) / tf.size(mean), tf.float32)
            biased = batch_variance * (count - 1) / count  # TensorFlow's is unbiased, Keras' is not
            layer.moving_mean.assign(_moving_average(mean, batch_mean, layer.momentum))
            layer.moving_variance.assign(_moving_average(variance, biased, layer.momentum))
        return output

    return call


def _moving_average(average: Tensor, value: Tensor, momentum: float) -> Tensor:
    return average * momentum + value * (1 - momentum)


def _fast_convolution(layer: layers.Conv2D) -> Callable[[Tensor], Tensor]:
    """Return the layer's `call` with the convolution that suits the size of its maps."""

    def call(inputs: Tensor) -> Tensor:
        shape = layer.compute_output_shape(tuple(inputs.shape))[1:]
        if None in shape:
            return type(layer).call(layer, inputs)
        if layer.kernel_size == (1, 1) or math.prod(shape[:2]) <= _SMALL_MAP:
            outputs = _convolve_by_one_product(layer, shape, inputs)
        else:
            outputs = _convolve_with_fast_gradient(layer, shape, inputs)
        if layer.use_bias:
            outputs = _add_bias(layer, outputs)
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


def _convolve_by_one_product(
    layer: layers.Conv2D, shape: tuple[int, ...], inputs: Tensor
) -> Tensor:
    """Convolve by one product of the input patches with the kernel (im2col)."""
    import tensorflow as tf

    patches = tf.concat(_shifted_inputs(layer, shape, inputs), axis=-1)
    matrix = tf.reshape(layer.kernel, (-1, shape[-1]))
    return tf.reshape(tf.reshape(patches, (-1, matrix.shape[0])) @ matrix, (-1, *shape))


def _convolve_with_fast_gradient(
    layer: layers.Conv2D, shape: tuple[int, ...], inputs: Tensor
) -> Tensor:
    """Convolve by oneDNN, with the weight gradient as one matrix product per kernel position."""
    import tensorflow as tf

    options: dict[str, Any] = {"strides": (1, *layer.strides, 1), "padding": layer.padding.upper()}

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor]:
            input_gradient = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs), filter=kernel, out_backprop=upstream, **options
            )
            rows = tf.reshape(upstream, (-1, shape[-1]))
            products = [
                tf.matmul(tf.reshape(shifted, (-1, inputs.shape[-1])), rows, transpose_a=True)
                for shifted in _shifted_inputs(layer, shape, inputs)
            ]
            return input_gradient, tf.reshape(tf.stack(products), kernel.shape)

        return tf.nn.conv2d(inputs, kernel, **options), gradient

    return convolve(inputs, tf.convert_to_tensor(layer.kernel))


def _add_bias(layer: layers.Conv2D, outputs: Tensor) -> Tensor:
    """Add the bias; its gradient is summed in float32 (TensorFlow's sum in bfloat16 saturates)."""
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def add(outputs: Tensor, bias: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor]:
            total = tf.reduce_sum(tf.cast(upstream, tf.float32), axis=(0, 1, 2))
            return upstream, tf.cast(total, upstream.dtype)

        return tf.nn.bias_add(outputs, bias), gradient

    return add(outputs, tf.convert_to_tensor(layer.bias))


def _shifted_inputs(layer: layers.Conv2D, shape: tuple[int, ...], inputs: Tensor) -> list[Tensor]:
    """Return for each kernel position, row by row, the inputs it is multiplied with.

    Args:
        layer: the convolution.
        shape: of its output (h, w, c).
        inputs: its input.

    Returns:
        Tensors (n, h, w, channels of the input).
    """
    import tensorflow as tf

    strides, size = layer.strides, layer.kernel_size
    spans = [(n - 1) * step + 1 for n, step in zip(shape[:2], strides, strict=True)]
    if layer.padding == "same":
        missing = [
            max(span + taps - 1 - n, 0)
            for span, taps, n in zip(spans, size, inputs.shape[1:3], strict=True)
        ]
        padding = [[total // 2, total - total // 2] for total in missing]
        inputs = tf.pad(inputs, [[0, 0], *padding, [0, 0]]) if any(missing) else inputs
    positions = itertools.product(*map(range, size))
    shifted = [tf.slice(inputs, (0, *start, 0), (-1, *spans, -1)) for start in positions]
    if strides == (1, 1):
        return shifted  # the gradient of a slice with strides is slow
    return [each[:, :: strides[0], :: strides[1]] for each in shifted]
