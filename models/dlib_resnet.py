"""dlib's face recognition network, a small ResNet-34 (https://github.com/davisking/dlib-models).

King 2017, http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html. It has learned
to tell 7,485 people apart by about 3 million faces. Deviations: gray faces are repeated as three
channels; its affine layers, which are what became of its batch normalization, are batch
normalization again; the last block keeps the size of the maps, so that activation maps are twice as
wide; the classification head is new.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Unit
from numpy.typing import NDArray
from pydantic import Field

from models.backbone import Backbone

if TYPE_CHECKING:
    from keras import KerasTensor, Model

BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)
"""The residual blocks as face-api.js names them: their channels; those ending in `_down` halve."""


_EPSILON = 1e-4  # as in dlib


class DlibResNet(Backbone):
    """The hyperparameters of dlib's face recognition network."""

    named_weights: ClassVar[tuple[str, ...]] = ("none",)

    weights: str = Field(
        "none",
        description="'none', face-api.js's face_recognition_model.bin with its manifest beside it, "
        "or a model of this architecture",
    )
    # Below 55 pixels the last maps are smaller than the kernel.
    input_size: Annotated[int, Unit("pixels")] = Field(
        96, ge=55, le=224, description="side of the network's input, pixels"
    )

    def build(self) -> Model:
        """Return a model from gray (n, 48, 48, 1), 0-255, to probabilities float32 (n, 7).

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        return self._build_on(_backbone, _scale_as_dlib)

    def adapt(self, model: Model, faces: NDArray[np.uint8]) -> None:
        """Take mean and variance of each batch normalization from faces, and keep what it computes.

        dlib's file has lost those of its own faces: without this, normalization by the batch would
        make another network of it.
        """
        import keras

        backbone = model.get_layer("backbone")
        kind = keras.layers.BatchNormalization
        layers = [layer for layer in backbone.layers if isinstance(layer, kind)]
        inputs = keras.Model(model.input, model.layers[model.layers.index(backbone) - 1].output)
        maps = keras.Model(backbone.input, [layer.input for layer in layers])
        for layer, values in zip(layers, maps(inputs(faces[..., None])), strict=True):
            gamma, beta, mean, variance = layer.get_weights()
            new_mean, new_variance = (
                np.asarray(each, np.float32)
                for each in keras.ops.moments(keras.ops.cast(values, "float32"), axes=(0, 1, 2))
            )
            scale = gamma / np.sqrt(variance + layer.epsilon)
            layer.set_weights(
                [
                    scale * np.sqrt(new_variance + layer.epsilon),
                    beta + scale * (new_mean - mean),
                    new_mean,
                    new_variance,
                ]
            )


def _scale_as_dlib(rgb: KerasTensor) -> KerasTensor:
    """Subtract the means of dlib's training faces in RGB order, and divide by 256."""
    import keras

    means = [122.782, 117.001, 104.298]
    return keras.layers.Normalization(mean=means, variance=[256.0**2] * 3)(rgb)


def _backbone(
    *, weights: str | None, include_top: bool, input_shape: tuple[int, int, int], name: str
) -> Model:
    """Return the convolutions; called as a function of keras.applications, but has no top."""
    import keras

    layers = keras.layers

    def convolve(
        x: KerasTensor, channels: int, size: int, name: str, **options: Any
    ) -> KerasTensor:
        x = layers.Conv2D(channels, size, use_bias=False, name=name, **options)(x)
        return layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}.scale")(x)

    inputs = keras.Input(input_shape)
    x = layers.ReLU()(convolve(inputs, 32, 7, "conv32_down", strides=2))
    x = layers.MaxPooling2D(3, strides=2)(x)
    for block in BLOCKS:
        channels = int(block.removeprefix("conv").partition("_")[0])
        halves = block.endswith("_down")
        shortcut = layers.AveragePooling2D(2)(x) if halves else x
        options = {"strides": 2} if halves else {"padding": "same"}
        y = layers.ReLU()(convolve(x, channels, 3, f"{block}.conv1", **options))
        y = convolve(y, channels, 3, f"{block}.conv2", padding="same")
        if smaller := shortcut.shape[1] - y.shape[1]:
            y = layers.ZeroPadding2D(((0, smaller), (0, smaller)))(y)
        if shortcut.shape[-1] < channels:
            zeros = layers.Rescaling(0.0)(shortcut)
            shortcut = layers.Concatenate()([shortcut, zeros])
        x = layers.ReLU(name=block)(layers.Add()([shortcut, y]))
    model = keras.Model(inputs, x, name=name)
    if weights and Path(weights).suffix == ".bin":
        _load_face_api(model, Path(weights))
    elif weights:
        model.load_weights(weights)
    return model


def _load_face_api(model: Model, path: Path) -> None:
    """Load the weights of face-api.js; each affine layer becomes batch normalization of mean 0.

    Raises:
        ValueError: the file or its manifest is not of this network.
    """
    arrays = _read_face_api(path)
    for layer in model.layers:
        name = layer.name.replace(".", "/")
        if name.endswith("/scale"):
            scale = arrays[f"{name}/weights"]
            bias = arrays[f"{name.removesuffix('/scale')}/conv/bias"]
            still = [np.zeros_like(scale), np.full_like(scale, 1 - _EPSILON)]
            layer.set_weights([scale, bias * scale + arrays[f"{name}/biases"], *still])
        elif layer.weights:
            if f"{name}/conv/filters" not in arrays:
                raise ValueError(f"it has no weights of {name}")
            layer.set_weights([arrays[f"{name}/conv/filters"]])


def _read_face_api(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return name → weights of a file of face-api.js, as the manifest beside it says them.

    Arrays follow one another in the file; one that is quantized is integers × scale + minimum.

    Raises:
        ValueError: there is no manifest, or it is of another file.
    """
    manifest = path.with_name(f"{path.stem}-weights_manifest.json")
    if not manifest.is_file():
        raise ValueError(f"its manifest {manifest.name} is not beside it")
    content, offset, arrays = path.read_bytes(), 0, {}
    for each in json.loads(manifest.read_text())[0]["weights"]:
        quantization = each.get("quantization")
        dtype = np.dtype(quantization["dtype"] if quantization else each["dtype"])
        values = np.frombuffer(content, dtype, prod(each["shape"]), offset).astype(np.float32)
        offset += values.size * dtype.itemsize
        if quantization:
            values = values * quantization["scale"] + quantization["min"]
        arrays[each["name"]] = values.reshape(each["shape"])
    if offset != len(content):
        raise ValueError(f"its manifest is of a file of {offset} bytes, not {len(content)}")
    return arrays
