"""A VGG-style network for 48x48 faces: stages of 3x3 convolutions, each half as large.

After Simonyan & Zisserman 2014 (https://arxiv.org/abs/1409.1556), with batch normalisation and
optional residual connections (He et al. 2015, https://arxiv.org/abs/1512.03385), and with global
average pooling in place of the dense layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.layers import classifier, grey_input

if TYPE_CHECKING:
    from keras import KerasTensor, Model

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu"]
Initializer = Literal[
    "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "orthogonal"
]
Width = Annotated[int, Field(ge=4, le=1024)]


class CustomCNN(BaseModel):
    """The custom CNN's fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[Width, ...] = Field(
        (32, 64, 128, 256), min_length=1, max_length=5, description="channels of each stage"
    )
    convolutions: int = Field(2, ge=1, le=4, description="convolutions in a stage")
    kernel_size: Literal[3, 5, 7] = Field(3, description="side of a convolution's kernel, pixels")
    activation: Activation = Field("relu", description="activation function")
    kernel_initializer: Initializer = Field("he_normal", description="first values of the weights")
    batch_normalization: bool = Field(True, description="normalise after each convolution")
    residual: bool = Field(True, description="add each stage's input to its output")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of features dropped at the end")

    def build(self) -> Model:
        """Return an untrained model from grey (n, 48, 48, 1), 0-255, to probabilities (n, 7)."""
        import keras

        inputs = grey_input()
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        for number, width in enumerate(self.widths):
            if number:
                x = keras.layers.MaxPooling2D()(x)
            x = self._stage(x, width)
        return classifier(inputs, x, self.dropout)

    def _stage(self, x: KerasTensor, width: int) -> KerasTensor:
        import keras

        shortcut = x
        for number in range(self.convolutions):
            x = self._convolution(x, width, self.kernel_size)
            if number < self.convolutions - 1:
                x = keras.layers.Activation(self.activation)(x)
        if self.residual:
            x = keras.layers.Add()([x, self._convolution(shortcut, width, 1)])
        return keras.layers.Activation(self.activation)(x)

    def _convolution(self, x: KerasTensor, width: int, size: int) -> KerasTensor:
        import keras

        x = keras.layers.Conv2D(
            width,
            size,
            padding="same",
            use_bias=not self.batch_normalization,
            kernel_initializer=self.kernel_initializer,
        )(x)
        return keras.layers.BatchNormalization(momentum=0.9)(x) if self.batch_normalization else x
