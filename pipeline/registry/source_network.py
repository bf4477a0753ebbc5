"""The input and the output of a foreign network, and a batch of any size for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import openvino as ov
from numpy.typing import DTypeLike, NDArray
from openvino import opset15 as ops

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

Layout = Literal["nhwc", "nchw", "nhw", "flat"]
_TYPES: dict[str, DTypeLike] = {
    "f32": np.float32,
    "f16": np.float16,
    "f64": np.float64,
    "u8": np.uint8,
    "i8": np.int8,
    "i32": np.int32,
    "i64": np.int64,
}
_MIN_SIZE, _MAX_SIZE = 8, 1024
_OWN_OUTPUTS = {"probabilities", "cam"}
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ImageInput:
    """The image that a network takes.

    Args:
        height: in pixels.
        width: in pixels.
        channels: 1 or 3.
        layout: the order of its axes; `flat` has one axis for all pixels, `nhw` no channels.
        type: the element type, such as `f32`.
    """

    height: int
    width: int
    channels: int
    layout: Layout
    type: str

    @property
    def dtype(self) -> DTypeLike:
        """The element type as that of numpy."""
        return _TYPES[self.type]

    def shape(self, batch: int) -> tuple[int, ...]:
        """Return the shape of a batch of images, -1 for any number."""
        height, width, channels = self.height, self.width, self.channels
        return {
            "nhwc": (batch, height, width, channels),
            "nchw": (batch, channels, height, width),
            "nhw": (batch, height, width),
            "flat": (batch, height * width),
        }[self.layout]

    def __str__(self) -> str:
        """Return it for people, such as `float32 (n, 64, 64, 1)`."""
        shape = ", ".join(map(str, self.shape(-1)[1:]))
        return f"{np.dtype(self.dtype).name} (n, {shape})"


def image_input(network: ov.Model, name: str, input_size: int = 0) -> ImageInput:
    """Return the image that a network of one input takes.

    Args:
        network: the network.
        name: of its file, for errors.
        input_size: height and width, where the network leaves them open; else 0.

    Raises:
        UserError: the input is no gray or color image, or its size is open and not given.
    """
    source = network.inputs[0]
    type_name = source.get_element_type().get_type_name()
    shape = source.get_partial_shape()
    if type_name not in _TYPES:
        raise UserError(f"{name} takes {type_name}, which is no image: its input must be pixels.")
    sizes = [] if shape.rank.is_dynamic else [_length(each) for each in shape]
    wrong = UserError(
        f"The input of {name} has the shape {_text(sizes)}: it must be an image, (n, height, "
        "width, channels) or (n, channels, height, width) with 1 or 3 channels."
    )
    height, width, channels, layout = _axes(sizes, wrong)
    if layout == "flat" or not (height is None or width is None):
        if input_size and (height, width) != (input_size, input_size):
            raise UserError(
                f"{name} takes images of {height} × {width} pixels: leave the input size out."
            )
    elif input_size:
        height = width = input_size
    if height is None or width is None:
        raise UserError(
            f"{name} leaves the size of its input open, {_text(sizes)}: give the input size "
            "that it was trained with, such as 64."
        )
    if not all(_MIN_SIZE <= each <= _MAX_SIZE for each in (height, width)):
        raise wrong
    return ImageInput(height, width, channels, layout, type_name)


def _axes(sizes: list[int | None], wrong: UserError) -> tuple[int | None, int | None, int, Layout]:
    """Return height, width, channels and layout of an input's shape."""
    match sizes:
        case [_, height, width, (1 | 3) as channels]:
            return height, width, channels, "nhwc"
        case [_, (1 | 3) as channels, height, width]:
            return height, width, channels, "nchw"
        case [_, height, width] if width != 1 and width != 3:
            return height, width, 1, "nhw"
        case [_, int(pixels)] if (side := round(pixels**0.5)) ** 2 == pixels:
            return side, side, 1, "flat"
    raise wrong


def check_output(network: ov.Model, name: str) -> None:
    """Check that one output of a network is a list: a number for each of several classes.

    Others may be maps, such as the activation maps of a model that this project exported.

    Raises:
        UserError: it has several, or its output is no list of classes.
    """
    outputs = network.outputs
    if len(outputs) > 1 and len(_lists(network)) != 1:
        listed = ", ".join(
            f"{min(each.get_names(), key=len, default='?')} {_text(_sizes(each))}"
            for each in outputs
        )
        raise UserError(
            f"{name} has {len(outputs)} outputs, {listed}: one of them alone must have one number "
            f"for each class, such as (n, {len(EMOTIONS)})."
        )
    output = class_output(network)
    sizes = _sizes(output)
    classes = [each for each in sizes[1:] if each != 1]
    if len(sizes) < 2 or len(classes) != 1 or classes[0] is None:
        raise UserError(
            f"The output of {name} has the shape {_text(sizes)}: it must be one number for each "
            f"class, such as (n, {len(EMOTIONS)})."
        )
    if classes[0] < len(EMOTIONS):
        raise UserError(
            f"{name} predicts {classes[0]} classes: {len(EMOTIONS)} are needed, "
            f"{', '.join(EMOTIONS)}, and further ones are dropped."
        )


def class_output(network: ov.Model) -> ov.Output:
    """Return what computes the classes: the only output, or the only list among several."""
    return (_lists(network) or network.outputs)[0].get_node().input_value(0)


def _lists(network: ov.Model) -> list[ov.Output]:
    """Return the outputs that are one list for each image; of a model of ours its probabilities.

    Its maps are a list, too, where they have one pixel.
    """
    names = {name for each in network.outputs for name in each.get_names()}
    if names >= _OWN_OUTPUTS:
        return [each for each in network.outputs if "probabilities" in each.get_names()]
    return [
        each
        for each in network.outputs
        if len(sizes := _sizes(each)) > 1 and sum(size != 1 for size in sizes[1:]) == 1
    ]


def _sizes(output: ov.Output) -> list[int | None]:
    """Return an output's shape, empty where even its number of axes is open."""
    shape = output.get_partial_shape()
    return [] if shape.rank.is_dynamic else [_length(each) for each in shape]


def with_any_batch(network: ov.Model, image: ImageInput, name: str) -> ov.Model:
    """Return a network for batches of any size.

    Where the network is made for one image at a time, it runs once for each image of a batch.

    Args:
        network: the network; it is changed.
        image: what it takes.
        name: of its file, for errors.

    Raises:
        UserError: it takes a fixed number of images at a time, other than one.
    """
    batch = _length(network.inputs[0].get_partial_shape()[0])
    single = network.clone()
    try:
        network.reshape(ov.PartialShape(list(image.shape(-1))))
        if batch is None or _same_one_by_one(network, image):
            return network
    except RuntimeError:
        pass
    if batch not in (None, 1):
        raise UserError(
            f"{name} takes exactly {batch} images at a time: export it with an open batch size."
        )
    try:
        single.reshape(ov.PartialShape(list(image.shape(1))))
        return _looped(single, image)
    except RuntimeError as error:
        raise UserError(
            f"{name} cannot be run on one image of {image}: export it with an open batch size."
        ) from error


def _same_one_by_one(network: ov.Model, image: ImageInput) -> bool:
    """Return whether a network predicts two images at once as it does one after the other."""
    rng = np.random.default_rng(0)
    images = (rng.random(image.shape(2)) * 100).astype(image.dtype)
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    together: NDArray[np.float64] = compiled([images])[0].astype(np.float64)
    each = [compiled([images[i : i + 1]])[0].astype(np.float64) for i in range(2)]
    return len(together) == 2 and np.allclose(
        together, np.concatenate(each), atol=_TOLERANCE, rtol=_TOLERANCE
    )


def _looped(single: ov.Model, image: ImageInput) -> ov.Model:
    """Return a network that runs a network of batch 1 for each image of a batch."""
    batch = ops.parameter(list(image.shape(-1)), single.inputs[0].get_element_type())
    loop = ops.tensor_iterator()
    loop.set_body(single)
    loop.set_sliced_input(single.get_parameters()[0], batch.output(0), 0, 1, 1, -1, 0)
    results = [
        loop.get_concatenated_slices(each.output(0), 0, 1, 1, -1, 0)
        for each in single.get_results()
    ]
    looped = ov.Model([ops.result(each) for each in results], [batch])
    for output, source in zip(looped.outputs, single.outputs, strict=True):
        output.get_tensor().set_names(source.get_names())
    return looped


def _length(dimension: ov.Dimension) -> int | None:
    return None if dimension.is_dynamic else int(dimension.get_length())


def _text(sizes: list[int | None]) -> str:
    return f"({', '.join('?' if each is None else str(each) for each in sizes)})"
