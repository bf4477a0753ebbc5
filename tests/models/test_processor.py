import numpy as np
import pytest

from models.processor import quicken


def trained_alike(strides=1, padding="same", size=(9, 8), frozen=False):
    """Train the same model with Keras' own layers and with quick ones, on the same faces."""
    import keras

    layers = keras.layers
    usual = keras.Sequential(
        [
            keras.Input((*size, 1)),
            layers.Conv2D(32, 3, padding="same"),
            layers.Conv2D(256, 3, strides=strides, padding=padding, name="many_weights"),
            layers.Conv2D(16, 1, strides=strides, padding=padding, name="one_tap"),
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
    faces, targets = rng.normal(size=(8, *size, 1)), np.eye(7)[rng.integers(0, 7, 8)]
    for model in (usual, quick):
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
        for _ in range(3):
            model.train_on_batch(faces, targets)
    return usual, quick, faces


@pytest.mark.parametrize("size", [(9, 8), (3, 3)], ids=["map", "small map"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2])
def test_quick_layers_learn_what_keras_layers_learn(strides, padding, size):
    usual, quick, faces = trained_alike(strides, padding, size)

    for variable, learnt in zip(usual.weights, quick.get_weights(), strict=True):
        np.testing.assert_allclose(learnt, variable.numpy(), atol=1e-5, err_msg=variable.path)
    np.testing.assert_allclose(quick(faces), usual(faces), atol=1e-5)


def test_frozen_normalization_keeps_its_averages():
    usual, quick, faces = trained_alike(frozen=True)

    normalization = quick.get_layer("normalization")
    assert not normalization.moving_mean.numpy().any()
    np.testing.assert_allclose(quick(faces), usual(faces), atol=1e-5)


def test_large_and_one_tap_convolutions_and_normalization_are_quick_and_others_keras_own():
    _, quick, _ = trained_alike()

    replaced = [
        layer.name for layer in quick.layers if {"convolution_op", "call"} & vars(layer).keys()
    ]
    assert replaced == ["many_weights", "one_tap", "normalization"]
