"""Base class of the architectures, their gray input and their classification head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from keras import KerasTensor, Model
    from numpy.typing import NDArray

SIZE = 48
CLASSES = 7


class Architecture(BaseModel, ABC):
    """The hyperparameters of an architecture, which can build its Keras model.

    Each field becomes a command-line option and a field of the training form.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def build(self) -> Model:
        """Return a model from gray faces (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).

        It starts with `gray_input()` and ends with `classifier()`.
        """

    def set_phase(self, model: Model, *, head_only: bool) -> None:
        """Freeze what a phase of the training does not train; compile the model afterwards.

        Args:
            model: the result of `build`.
            head_only: whether it is a first phase that trains the head alone.
        """

    def adapt(self, model: Model, faces: NDArray[np.uint8]) -> None:
        """Fit to the faces what is not learned by steps, once, before the first epoch.

        Args:
            model: the result of `build`.
            faces: some of the training faces, uint8 (n, 48, 48).
        """


def gray_input() -> KerasTensor:
    """Return the input of every model: gray (n, 48, 48, 1), 0-255."""
    import keras

    return keras.Input((SIZE, SIZE, 1), name="faces")


def resize_to_rgb(gray: KerasTensor, size: int) -> KerasTensor:
    """Resize gray faces to (n, size, size) and repeat them as three equal channels."""
    import keras

    if size != SIZE:
        # Resizing defaults to training=True and would pass that on to all layers after it.
        gray = keras.layers.Resizing(size, size, interpolation="bilinear")(gray, training=False)
    return keras.layers.Concatenate(name="color")([gray, gray, gray])


def classifier(inputs: KerasTensor, features: KerasTensor, dropout: float) -> Model:
    """Return the model with global average pooling, dropout and one dense softmax layer on top.

    The class activation map is then the last feature maps times the dense weights, without
    gradients (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization",
    https://arxiv.org/abs/1512.04150).

    Args:
        inputs: the result of `gray_input`.
        features: the last feature maps (n, h, w, c).
        dropout: share of the pooled features dropped in training.

    Returns:
        A model from gray (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).
    """
    import keras

    x = keras.layers.GlobalAveragePooling2D(name="pooled")(features)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    # float32 also in mixed precision, so that the probabilities add up to 1
    probabilities = keras.layers.Dense(
        CLASSES, activation="softmax", dtype="float32", name="probabilities"
    )(x)
    return keras.Model(inputs, probabilities)
