"""What all architectures share: the way in from raw grey, and the way out to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras import KerasTensor, Model

SIZE = 48
CLASSES = 7


def grey_input() -> KerasTensor:
    """Return the input of every model: grey (n, 48, 48, 1), 0-255."""
    import keras

    return keras.Input((SIZE, SIZE, 1), name="faces")


def colour_at(grey: KerasTensor, size: int) -> KerasTensor:
    """Resize grey faces to (n, size, size) and repeat them as three equal channels."""
    import keras

    if size != SIZE:
        # Its own default is to train, which all layers after it would take over.
        grey = keras.layers.Resizing(size, size, interpolation="bilinear")(grey, training=False)
    return keras.layers.Concatenate(name="colour")([grey, grey, grey])


def classifier(inputs: KerasTensor, features: KerasTensor, dropout: float) -> Model:
    """Close a model with global average pooling, dropout and one dense softmax layer.

    The class activation map is then the last features times the dense weights, without gradients
    (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization",
    https://arxiv.org/abs/1512.04150).

    Args:
        inputs: what `grey_input` gave.
        features: the last feature maps (n, h, w, c).
        dropout: share of pooled features dropped in training.

    Returns:
        A model from grey (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).
    """
    import keras

    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features)
    kept = keras.layers.Dropout(dropout, name="dropout")(pooled)
    outputs = keras.layers.Dense(
        CLASSES, activation="softmax", dtype="float32", name="probabilities"
    )(kept)
    return keras.Model(inputs, outputs)
