import numpy as np
import pytest

from models.cpu_ops import optimize_for_cpu


def plain_layers():
    """Return what → (input shape, layer that gets a faster operation)."""
    from keras.layers import BatchNormalization, Conv2D

    def wide(size=3, padding="same", **options):  # 65,536 weights or more
        return Conv2D(1024, size, padding=padding, **options)

    large, small, maps = (9, 8, 8), (3, 3, 8), (9, 8, 4)
    return {
        "same": (large, wide()),
        "same, strides 2": (large, wide(strides=2)),
        "same, strides 1 and 2": (large, wide(strides=(1, 2))),
        "same, even kernel, strides 3": (large, wide((4, 2), strides=3)),
        "valid": (large, wide((3, 5), "valid")),
        "valid, strides 2": (large, wide(3, "valid", strides=2)),
        "small map, same": (small, wide()),
        "small map, same, strides 2": ((5, 6, 8), wide(strides=2)),
        "small map, valid": ((5, 5, 8), wide(3, "valid")),
        "1x1": (large, Conv2D(4, 1)),
        "1x1, same, strides 2": (large, Conv2D(4, 1, strides=2, padding="same")),
        "1x1 in bfloat16": (large, Conv2D(4, 1, use_bias=False, dtype="mixed_bfloat16")),
        "tanh, no bias": (large, wide(activation="tanh", use_bias=False)),
        "regularized": (large, wide(kernel_regularizer="l2", activity_regularizer="l2")),
        "normalization": (maps, BatchNormalization()),
        "normalization, axis 3, no scale": (maps, BatchNormalization(3, 0.5, scale=False)),
        "normalization, no offset": (maps, BatchNormalization(epsilon=0.1, center=False)),
        "normalization, frozen": (maps, BatchNormalization(trainable=False)),
        "normalization in bfloat16": (maps, BatchNormalization(dtype="mixed_bfloat16")),
    }


def unusual_layers():
    """Return what → (input shape, layers, the last one unlike those of our architectures)."""
    from keras import layers
    from keras.layers import BatchNormalization, Conv2D

    class DoublingConv2D(Conv2D):
        def convolution_op(self, inputs, kernel):
            return 2 * super().convolution_op(inputs, kernel)

    class AddingBatchNormalization(BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training, mask) + 1

    large, maps = (9, 8, 8), (9, 8, 4)
    return {
        "dilated": (large, Conv2D(1024, 3, dilation_rate=2)),
        "dilated, small map": ((5, 5, 8), Conv2D(1024, 3, dilation_rate=2)),
        "grouped": ((9, 8, 32), Conv2D(1024, 3, groups=4)),
        "1x1, grouped": (large, Conv2D(8, 1, groups=4)),
        "channels first": (large, Conv2D(1024, 3, data_format="channels_first")),
        "1x1, channels first": (large, Conv2D(4, 1, data_format="channels_first")),
        "size not known": ((None, None, 8), Conv2D(1024, 3)),
        "1x1, size not known": ((None, None, 8), Conv2D(4, 1)),
        "in TimeDistributed": ((2, 5, 5, 8), layers.TimeDistributed(Conv2D(1024, 3))),
        "subclass of Conv2D": (large, DoublingConv2D(4, 1)),
        "depthwise": (large, layers.DepthwiseConv2D(3)),
        "separable": (large, layers.SeparableConv2D(16, 3)),
        "transposed": (large, layers.Conv2DTranspose(1024, 3)),
        "one dimension": ((9, 8), layers.Conv1D(1024, 8)),
        "float64": (large, Conv2D(1024, 3, dtype="float64")),
        "normalization, axis 1": ((4, 8, 8), BatchNormalization(axis=1)),
        "normalization, axis -2": ((9, 4, 8), BatchNormalization(axis=-2)),
        "normalization of features": ((8,), BatchNormalization()),
        "normalization of sequences": ((9, 8), BatchNormalization()),
        "normalization of volumes": ((3, 4, 5, 8), BatchNormalization()),
        "renormalization": (maps, BatchNormalization(renorm=True)),
        "synchronized normalization": (maps, BatchNormalization(synchronized=True)),
        "masked normalization": (maps, layers.Masking(), BatchNormalization()),
        "subclass of normalization": (maps, AddingBatchNormalization()),
        "normalization, bfloat16 variables": (maps, BatchNormalization(dtype="bfloat16")),
        "normalization in float64": (maps, BatchNormalization(dtype="float64")),
        "normalization, bfloat16 without autocast": (
            maps,
            BatchNormalization(dtype="mixed_bfloat16", autocast=False),
        ),
    }


def cases(table):
    """Give what → (input shape, model of Keras' own operations, the same model optimized)."""
    import keras

    for (what, (shape, *layers)), (_, *same_layers) in zip(
        table().items(), table().values(), strict=True
    ):
        own, fast = (
            keras.Sequential([keras.Input(shape), *each]) for each in (layers, same_layers)
        )
        fast.set_weights(own.get_weights())
        optimize_for_cpu(fast)
        yield what, inputs_for(shape), own, fast


def inputs_for(shape):
    """Return 8 random inputs in which half of the positions are zero, and so masked."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(8, *(9 if size is None else size for size in shape)))
    return (inputs * rng.integers(0, 2, (*inputs.shape[:-1], 1))).astype(np.float32)


def train_step(model, inputs):
    """Return outputs, gradients and updated weights of a step, and outputs after it."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, *model.input_shape[1:]])])
    def step(inputs):
        weights = [weight.value for weight in model.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = model(inputs, training=True)
            loss = sum([tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32))), *model.losses])
        return outputs, tape.gradient(loss, [inputs, *weights])

    outputs, gradients = step(inputs)
    results = [outputs, *gradients, *model.get_weights(), model(inputs, training=False)]
    return [np.asarray(result, np.float32) for result in results]


def assert_close(what, actual_step, expected_step):
    for index, (actual, expected) in enumerate(zip(actual_step, expected_step, strict=True)):
        atol = max(1, np.abs(expected).max()) * (4e-2 if "bfloat16" in what else 1e-5)
        np.testing.assert_allclose(actual, expected, atol=atol, err_msg=f"{what}: {index}")


@pytest.mark.slow
def test_plain_layers_use_faster_operations_that_train_as_keras_own(monkeypatch):
    import keras

    def refuse(*args, **kwargs):
        raise AssertionError("Keras' own operation is used")

    for what, inputs, own, fast in cases(plain_layers):
        expected = train_step(own, inputs)
        with monkeypatch.context() as patch:
            patch.setattr(keras.layers.Conv2D, "call", refuse)
            patch.setattr(keras.layers.BatchNormalization, "call", refuse)
            actual = train_step(fast, inputs)
        assert_close(what, actual, expected)


@pytest.mark.slow
def test_unusual_layers_train_as_keras_own():
    """Without oneDNN, on processors without AVX-512, TensorFlow trains no channels-first layer."""
    from tensorflow.errors import InvalidArgumentError

    for what, inputs, own, fast in cases(unusual_layers):
        try:
            expected = train_step(own, inputs)
        except InvalidArgumentError:
            assert "channels first" in what, what
            with pytest.raises(InvalidArgumentError):
                train_step(fast, inputs)
        else:
            assert_close(what, train_step(fast, inputs), expected)


@pytest.mark.slow
def test_a_layer_may_be_shared_by_maps_of_two_sizes():
    import keras

    inputs = keras.Input((6, 6, 8))
    convolution = keras.layers.Conv2D(1024, 3, padding="same")
    small = convolution(keras.layers.MaxPooling2D()(inputs))
    outputs = keras.layers.Add()([keras.layers.UpSampling2D()(small), convolution(inputs)])
    own = keras.Model(inputs, outputs)
    fast = keras.models.clone_model(own)
    fast.set_weights(own.get_weights())

    optimize_for_cpu(fast)

    faces = inputs_for((6, 6, 8))
    assert_close("shared", train_step(fast, faces), train_step(own, faces))


@pytest.mark.slow
def test_a_bias_in_bfloat16_gets_the_gradient_that_it_gets_in_float32():
    """Summed in bfloat16, a gradient of ones ends at 256: 256 + 1 rounds to 256."""
    import keras

    precise, fast = (
        keras.Sequential([keras.Input((9, 8, 8)), keras.layers.Conv2D(4, 1, dtype=dtype)])
        for dtype in ("float32", "mixed_bfloat16")
    )
    fast.set_weights(precise.get_weights())
    optimize_for_cpu(fast)

    (_, _, _, expected, *_), (_, _, _, actual, *_) = (
        train_step(model, inputs_for((9, 8, 8))) for model in (precise, fast)
    )

    assert expected.max() > 300
    np.testing.assert_allclose(actual, expected, rtol=2e-2)
