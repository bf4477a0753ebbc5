"""VGG16 (Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556) from keras.applications.

Deviations: gray faces are resized and repeated as three channels; global average pooling and one
dense layer replace the three dense layers. VGG16 has no batch normalization and may stall when
trained from scratch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.backbone import Backbone

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class VGG16(Backbone):
    """The hyperparameters of VGG16."""

    def build(self) -> Model:
        """Return a model from gray (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        import keras

        return self._build_on(keras.applications.VGG16, _subtract_imagenet_means)


def _subtract_imagenet_means(rgb: KerasTensor) -> KerasTensor:
    """Subtract ImageNet's means in BGR order; three equal channels need no flip."""
    import keras

    means = [103.939, 116.779, 123.68]
    return keras.layers.Normalization(mean=means, variance=[1.0, 1.0, 1.0])(rgb)
