"""Keras layers as a processor trains them fastest: the same mathematics in other operations.

Keras' batch normalisation copies its input to float32 and goes over it a dozen times, and oneDNN's
weight gradient of a convolution is slow where maps are small and kernels are many, as in the last
stages of a ResNet at 48 pixels. `benchmarks/training.py` measures what this brings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras import Model, layers
    from tensorflow import Tensor, Variable

_MANY_WEIGHTS = 65_536  # from so many on, matrix products are quicker than oneDNN's gradient


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
        elif type(layer) is keras.layers.Conv2D and layer.kernel.value.shape.num_elements() >= (
            _MANY_WEIGHTS
        ):
            layer.convolution_op = _convolution(layer)


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


def _convolution(layer: layers.Conv2D) -> Callable[[Tensor, Variable], Tensor]:
    """Return the layer's convolution with its weight gradient as one matrix product a tap."""
    import tensorflow as tf

    strides, padding = layer.strides, layer.padding.upper()
    options: dict[str, Any] = {"strides": (1, *strides, 1), "padding": padding}

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        def gradient(slope: Tensor) -> tuple[Tensor, Tensor]:
            towards_inputs = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(inputs), filter=kernel, out_backprop=slope, **options
            )
            slopes = tf.reshape(slope, (-1, slope.shape[-1]))
            products = [
                tf.matmul(tf.reshape(seen, (-1, inputs.shape[-1])), slopes, transpose_a=True)
                for seen in _seen_by_taps(inputs, slope, kernel.shape[:2], strides, padding)
            ]
            return towards_inputs, tf.reshape(tf.stack(products), kernel.shape)

        return tf.nn.conv2d(inputs, kernel, **options), gradient

    return lambda inputs, kernel: convolve(inputs, tf.convert_to_tensor(kernel))


def _seen_by_taps(
    inputs: Tensor, outputs: Tensor, size: Any, strides: tuple[int, int], padding: str
) -> list[Tensor]:
    """Return for each tap of a kernel, row by row, the inputs that it met, shaped as outputs."""
    import tensorflow as tf

    spans = [(n - 1) * step + 1 for n, step in zip(outputs.shape[1:3], strides, strict=True)]
    if padding == "SAME":
        missing = [
            max(span + taps - 1 - n, 0)
            for span, taps, n in zip(spans, size, inputs.shape[1:3], strict=True)
        ]
        edges = [[short // 2, short - short // 2] for short in missing]
        inputs = tf.pad(inputs, [[0, 0], *edges, [0, 0]])
    return [
        inputs[:, i : i + spans[0] : strides[0], j : j + spans[1] : strides[1]]
        for i in range(size[0])
        for j in range(size[1])
    ]
