"""VGG16 (Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556) from keras.applications.

Deviations: grey faces are resized and repeated to three channels; of the head, only the new dense
layer stands on global average pooling. It has no batch normalisation and may stall from scratch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.backbone import Backbone

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class VGG16(Backbone):
    """VGG16's fields."""

    def build(self) -> Model:
        """Return a model from grey (n, 48, 48, 1), 0-255, to probabilities (n, 7).

        Raises:
            WeightsError: the weights cannot be had.
        """
        import keras

        return self._assemble(keras.applications.VGG16, _subtract_means)


def _subtract_means(colour: KerasTensor) -> KerasTensor:
    """Subtract ImageNet's means in BGR; three equal channels need no flip."""
    import keras

    return keras.layers.Normalization(mean=[103.939, 116.779, 123.68], variance=[1.0, 1.0, 1.0])(
        colour
    )
