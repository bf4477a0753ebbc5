"""A VGG-style network for 48x48 faces: each stage of convolutions halves the size.

After VGG (Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556). Deviations: normalization
after each convolution, optional residual connections (He et al. 2015,
https://arxiv.org/abs/1512.03385), and global average pooling in place of the hidden dense layers.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Unit
from pydantic import Field, model_validator

from models.layers import Architecture, classifier, gray_input

if TYPE_CHECKING:
    from keras import KerasTensor, Model

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu"]
Initializer = Literal[
    "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "orthogonal"
]
Width = Annotated[int, Field(ge=4, le=1024)]


class CustomCNN(Architecture):
    """The hyperparameters of the custom CNN."""

    widths: Annotated[tuple[Width, ...], Unit("channels")] = Field(
        (32, 64, 128, 256),
        min_length=1,
        max_length=5,
        description="feature maps of each stage; more learn more and take longer",
    )
    convolutions: int = Field(
        2, ge=1, le=4, description="convolution layers before each halving of the size"
    )
    kernel_size: Annotated[Literal[3, 5, 7], Unit("pixels")] = Field(
        3, description="side of a convolution's kernel, pixels"
    )
    activation: Activation = Field("relu", description="nonlinear function after each convolution")
    kernel_initializer: Initializer = Field(
        "he_normal", description="how the first weights are drawn"
    )
    normalization: Literal["batch", "layer", "group", "none"] = Field(
        "batch", description="what keeps the values after each convolution in range"
    )
    pooling: Literal["max", "average", "stride"] = Field(
        "max", description="how a stage halves the size: pooling before it, or a stride of 2"
    )
    residual: bool = Field(
        True, description="add each stage's input to its output, which eases training"
    )
    freeze_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the convolutions, from the first on, that keep the initial model's "
        "weights; 1 = the head alone is trained",
    )
    dropout: float = Field(
        0.4,
        ge=0,
        lt=1,
        description="share of the last layer's inputs that are randomly left out in training",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_batch_normalization(cls, values: Any) -> Any:
        """Read the boolean that configurations had before there was a choice."""
        if not isinstance(values, dict) or "batch_normalization" not in values:
            return values
        values = dict(values)
        old = "batch" if values.pop("batch_normalization") else "none"
        return {"normalization": old, **values}

    def build(self) -> Model:
        """Return a model from gray (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7)."""
        import keras

        inputs = gray_input()
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        x = self._stage(x, self.widths[0], stride=1)
        for width in self.widths[1:]:
            x = self._halving_stage(x, width)
        return classifier(inputs, x, self.dropout)

    def set_phase(self, model: Model, *, head_only: bool = False) -> None:
        """Freeze the first convolutions, and all batch normalization, in inference mode then."""
        import keras

        if not self.freeze_share:
            return
        convolutions = [each for each in model.layers if isinstance(each, keras.layers.Conv2D)]
        trained = convolutions[round(len(convolutions) * self.freeze_share) :]
        first = model.layers.index(trained[0] if trained else model.get_layer("pooled"))
        for index, layer in enumerate(model.layers):
            # Frozen, it uses its averages also in `fit`, as https://keras.io/guides/transfer_learning
            # says: the first layers are not to see other statistics than those they were made with.
            frozen_statistics = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = not (index < first or frozen_statistics)

    def _halving_stage(self, x: KerasTensor, width: int) -> KerasTensor:
        import keras

        if self.pooling == "stride":
            return self._stage(x, width, stride=2)
        pools = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
        return self._stage(pools[self.pooling](2)(x), width, stride=1)

    def _stage(self, x: KerasTensor, width: int, stride: int) -> KerasTensor:
        import keras

        shortcut = x
        for index in range(self.convolutions):
            x = self._convolution(x, width, self.kernel_size, 1 if index else stride)
            if index < self.convolutions - 1:
                x = keras.layers.Activation(self.activation)(x)
        if self.residual:
            if stride > 1:  # oneDNN crashes on the gradient of a strided 1x1 convolution (AVX-512)
                shortcut = keras.layers.MaxPooling2D(1, strides=stride)(shortcut)
            x = keras.layers.Add()([x, self._convolution(shortcut, width, 1, 1)])
        return keras.layers.Activation(self.activation)(x)

    def _convolution(self, x: KerasTensor, width: int, size: int, stride: int) -> KerasTensor:
        import keras

        x = keras.layers.Conv2D(
            width,
            size,
            strides=stride,
            padding="same",
            use_bias=self.normalization == "none",
            kernel_initializer=self.kernel_initializer,
        )(x)
        return self._normalize(x, width)

    def _normalize(self, x: KerasTensor, width: int) -> KerasTensor:
        """Normalize over the batch, over a pixel's channels (layer), or over groups of channels.

        There are 8 groups, or the greatest common divisor of 8 and the width. Wu & He 2018
        (https://arxiv.org/abs/1803.08494) use 32 in networks of 64 channels and more.
        """
        import keras

        match self.normalization:
            case "batch":
                return keras.layers.BatchNormalization(momentum=0.9)(x)
            case "layer":
                return keras.layers.LayerNormalization(epsilon=1e-6)(x)
            case "group":
                return keras.layers.GroupNormalization(gcd(width, 8), epsilon=1e-6)(x)
            case "none":
                return x
