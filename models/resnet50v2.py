"""ResNet50V2 (He et al. 2016, https://arxiv.org/abs/1603.05027) from keras.applications.

Deviations: grey faces are resized and repeated to three channels; the head is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.backbone import Backbone

if TYPE_CHECKING:
    from keras import KerasTensor, Model


class ResNet50V2(Backbone):
    """ResNet50V2's fields."""

    def build(self) -> Model:
        """Return a model from grey (n, 48, 48, 1), 0-255, to probabilities (n, 7).

        Raises:
            WeightsError: the weights cannot be had.
        """
        import keras

        return self._assemble(keras.applications.ResNet50V2, _to_unit_range)


def _to_unit_range(colour: KerasTensor) -> KerasTensor:
    import keras

    return keras.layers.Rescaling(1 / 127.5, offset=-1)(colour)
