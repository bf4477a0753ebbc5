import numpy as np
import pytest

from models.processor import quicken


def trained_alike(strides, padding, frozen=False):
    """Train the same model with Keras' own layers and with quick ones, on the same faces."""
    import keras

    layers = keras.layers
    usual = keras.Sequential(
        [
            keras.Input((9, 8, 1)),
            layers.Conv2D(32, 3),
            layers.Conv2D(256, 3, strides=strides, padding=padding, name="many_weights"),
            layers.BatchNormalization(trainable=not frozen, name="normalization"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(7, activation="softmax"),
        ]
    )
    quick = keras.models.clone_model(usual)
    quick.set_weights(usual.get_weights())
    quicken(quick)
    rng = np.random.default_rng(0)
    faces, targets = rng.normal(size=(8, 9, 8, 1)), np.eye(7)[rng.integers(0, 7, 8)]
    for model in (usual, quick):
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
        for _ in range(3):
            model.train_on_batch(faces, targets)
    return usual, quick, faces


@pytest.mark.parametrize(
    ("strides", "padding"), [(1, "same"), (2, "same"), (1, "valid"), (2, "valid")]
)
def test_quick_layers_learn_what_keras_layers_learn(strides, padding):
    usual, quick, faces = trained_alike(strides, padding)

    for variable, learnt in zip(usual.weights, quick.get_weights(), strict=True):
        np.testing.assert_allclose(learnt, variable.numpy(), atol=1e-5, err_msg=variable.path)
    np.testing.assert_allclose(quick(faces), usual(faces), atol=1e-5)


def test_frozen_normalization_keeps_its_averages():
    usual, quick, faces = trained_alike(1, "same", frozen=True)

    normalization = quick.get_layer("normalization")
    assert not normalization.moving_mean.numpy().any()
    np.testing.assert_allclose(quick(faces), usual(faces), atol=1e-5)


def test_large_convolutions_and_normalization_are_quick_and_small_ones_keras_own():
    _, quick, _ = trained_alike(1, "same")

    replaced = [
        layer.name for layer in quick.layers if {"convolution_op", "call"} & vars(layer).keys()
    ]
    assert replaced == ["many_weights", "normalization"]
