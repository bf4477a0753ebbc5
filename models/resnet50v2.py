"""ResNet50V2 (He et al. 2016, https://arxiv.org/abs/1603.05027) from keras.applications.

Deviations: gray faces are resized and repeated as three channels; the classification head is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.backbone import Backbone

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class ResNet50V2(Backbone):
    """The hyperparameters of ResNet50V2."""

    def build(self) -> Model:
        """Return a model from gray (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        import keras

        return self._build_on(keras.applications.ResNet50V2, _scale_to_unit_range)


def _scale_to_unit_range(rgb: KerasTensor) -> KerasTensor:
    """Scale 0-255 to -1-1, as `keras.applications.resnet_v2.preprocess_input` does."""
    import keras

    return keras.layers.Rescaling(1 / 127.5, offset=-1)(rgb)
