"""From a foreign network to one of our contract: preprocessing and postprocessing in the graph.

Our contract: gray faces (n, 48, 48, 1), 0-255, to the probabilities of the seven emotions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as ops

from pipeline.data.dataset import SIZE
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, SCHEMES, label_of
from pipeline.registry.source_network import ImageInput, class_output

Outputs = Literal["logits", "probabilities", "scores"]
"""What a network's outputs are; scores are positive and do not sum to 1, as those of a sigmoid."""

_CAFFE = (103.939, 116.779, 123.68)
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SMALL = 1e-6


def _number(value: float) -> ov.Node:
    return ops.constant(np.float32(value))


def _by_channel(values: Sequence[float]) -> ov.Node:
    return ops.constant(np.array(values, np.float32).reshape(1, -1, 1, 1))


def _per_image(x: ov.Node) -> ov.Node:
    """Standardize each image: mean 0 and standard deviation 1 over its pixels."""
    axes = [1, 2, 3]
    centered = ops.subtract(x, ops.reduce_mean(x, axes, True))
    deviation = ops.sqrt(ops.reduce_mean(ops.multiply(centered, centered), axes, True))
    return ops.divide(centered, ops.maximum(deviation, _number(_SMALL)))


def _caffe(*means: float) -> Callable[[ov.Node], ov.Node]:
    return lambda x: ops.subtract(x, _by_channel(means))


def _torch(order: int) -> Callable[[ov.Node], ov.Node]:
    mean, std = _by_channel(_TORCH_MEAN[::order]), _by_channel(_TORCH_STD[::order])
    return lambda x: ops.divide(ops.subtract(ops.divide(x, _number(255)), mean), std)


SCALES: dict[str, Callable[[ov.Node], ov.Node]] = {
    "0..255": lambda x: x,
    "0..1": lambda x: ops.divide(x, _number(255)),
    "-1..1": lambda x: ops.subtract(ops.divide(x, _number(127.5)), _number(1)),
    "per-image": _per_image,
    "caffe": _caffe(*_CAFFE),
    "caffe-rgb": _caffe(*_CAFFE[::-1]),
    "torch": _torch(1),
    "torch-bgr": _torch(-1),
}
"""Name → the preprocessing of gray or color images (n, channels, height, width), 0-255.

`caffe` subtracts ImageNet's mean colors, blue first, and `torch` divides by their deviations, too,
red first; those with a suffix have the other order of channels.
"""

_COLOR_SCALES = ("caffe", "caffe-rgb", "torch", "torch-bgr")
_SPELLINGS = {"…": "..", "−": "-", "–": "-", " ": ""}
_SAME_AS = {
    "raw": "0..255",
    "none": "0..255",
    "-1": "-1..1",
    "tf": "-1..1",
    "standardize": "per-image",
    "imagenet": "torch",
}

_SEVEN_OF = {
    "fer2013": EMOTIONS,
    "alphabetical": tuple(sorted(EMOTIONS)),
    **{
        name: tuple(word for word in SCHEMES[name].values() if word in EMOTIONS)
        for name in ("ferplus", "affectnet", "rafdb")
    },
}
_WITH_CONTEMPT = {
    "fer2013": (*EMOTIONS, "contempt"),
    "alphabetical": tuple(sorted((*EMOTIONS, "contempt"))),
    "ferplus": tuple(SCHEMES["ferplus"].values())[:8],
    "affectnet": tuple(SCHEMES["affectnet"].values())[:8],
}
_ALL = {name: tuple(SCHEMES[name].values()) for name in ("ferplus", "affectnet")}


def scales_for(image: ImageInput) -> list[str]:
    """Return the scalings that are plausible for an input; that of integers is known."""
    if image.type in ("u8", "i8"):
        return ["0..255"]
    return [name for name in SCALES if image.channels == 3 or name not in _COLOR_SCALES]


def parse_scale(text: str, image: ImageInput) -> str:
    """Return a scaling by its name or a usual other spelling of it.

    Raises:
        UserError: it is unknown, or does not suit the input.
    """
    name = text.strip().lower()
    for spelling, ours in _SPELLINGS.items():
        name = name.replace(spelling, ours)
    name = _SAME_AS.get(name, name)
    if name not in scales_for(image):
        raise UserError(
            f"Unknown scaling '{text}' for an input of {image}. Choose from: "
            f"{', '.join(scales_for(image))}."
        )
    return name


def orders_for(classes: int) -> dict[str, tuple[str, ...]]:
    """Return name → label order, the known ones for a number of classes.

    Those of more than seven classes have names of classes that are no emotion of ours.
    """
    orders = {7: _SEVEN_OF, 8: _WITH_CONTEMPT}.get(classes, {})
    return {**orders, **{name: each for name, each in _ALL.items() if len(each) == classes}}


def parse_labels(text: str, classes: int) -> tuple[str, tuple[str, ...]]:
    """Return the name of a label order and the classes in it.

    Args:
        text: the name of an order, or the names of all classes with commas between them.
        classes: how many the network has.

    Raises:
        UserError: it is unknown, has another number of classes, or lacks an emotion.
    """
    known = orders_for(classes)
    if text.strip().lower() in known:
        return text.strip().lower(), known[text.strip().lower()]
    words = [word.strip().lower() for word in text.split(",")]
    indices = [label_of(word) for word in words]
    names = tuple(
        word if index is None else EMOTIONS[index]
        for word, index in zip(words, indices, strict=True)
    )
    if len(names) != classes or sorted(set(names) & set(EMOTIONS)) != sorted(
        name for name in names if name in EMOTIONS
    ):
        raise UserError(
            f"The labels '{text}' are not the {classes} classes of this model: name each once, in "
            f"its order, with commas between them{_or_one_of(known)}."
        )
    if missing := set(EMOTIONS) - set(names):
        raise UserError(
            f"The labels lack {', '.join(sorted(missing))}: a model must know all seven emotions."
        )
    return ",".join(names), names


def _or_one_of(known: dict[str, tuple[str, ...]]) -> str:
    return f", or choose from: {', '.join(known)}" if known else ""


def preprocessed(network: ov.Model, image: ImageInput, scale: str) -> ov.Model:
    """Return a network of gray faces (n, 48, 48, 1), 0-255, with the source's outputs.

    Args:
        network: the source network, which stays as it is.
        image: what it takes.
        scale: one of `SCALES`.
    """
    source = network.clone()
    faces = ops.parameter([-1, SIZE, SIZE, 1], ov.Type.f32, name="faces")
    faces.output(0).get_tensor().set_names({"faces"})
    x: ov.Node = ops.reshape(faces, [-1, 1, SIZE, SIZE], False)
    if (image.height, image.width) != (SIZE, SIZE):
        x = ops.interpolate(
            x,
            [image.height, image.width],
            "linear_onnx",
            "sizes",
            coordinate_transformation_mode="half_pixel",
            axes=[2, 3],
        )
        x = ops.round(x, "half_away_from_zero")  # as OpenCV resizes images of whole numbers
    if image.channels == 3:
        x = ops.concat([x, x, x], 1)
    x = SCALES[scale](x)
    if image.layout == "nhwc":
        x = ops.transpose(x, [0, 2, 3, 1])
    elif image.layout != "nchw":
        x = ops.reshape(x, list(image.shape(-1)), False)
    x = _converted(x, image.type)
    parameter = source.get_parameters()[0]
    for target in parameter.output(0).get_target_inputs():
        target.replace_source_output(x.output(0))
    return ov.Model(source.get_results(), [faces])


def _converted(x: ov.Node, type_name: str) -> ov.Node:
    """Return pixels as the element type that a network takes; int8 has its zero at 128."""
    if type_name == "f32":
        return x
    if type_name == "i8":
        x = ops.subtract(x, _number(128))
    if type_name in ("u8", "i8"):
        low, high = (0, 255) if type_name == "u8" else (-128, 127)
        x = ops.clamp(ops.round(x, "half_to_even"), low, high)
    return ops.convert(x, type_name)


def raw_classes(network: ov.Model) -> ov.Model:
    """Return a network whose one output is float32 (n, classes), as the source gives it."""
    output = class_output(network)
    return ov.Model([ops.result(_as_float(output))], network.get_parameters())


def _as_float(output: ov.Output) -> ov.Node:
    x = ops.convert(output, "f32")
    if output.get_element_type() == ov.Type.i8:
        x = ops.add(x, _number(128))
    classes = max(each.get_length() for each in list(output.get_partial_shape())[1:])
    return ops.reshape(x, [-1, classes], False)


def kind_of(outputs: NDArray[np.float32]) -> Outputs:
    """Return what outputs, float32 (n, classes), are by their values."""
    sums = outputs.sum(axis=1)
    if outputs.min() < 0:
        return "logits"
    if np.allclose(sums, 1, atol=1e-3):
        return "probabilities"
    quantized = np.allclose(sums, 256, atol=8)
    return "scores" if outputs.max() <= 1 or quantized else "logits"


def adapted(
    network: ov.Model, image: ImageInput, scale: str, labels: Sequence[str], outputs: Outputs
) -> ov.Model:
    """Return a network of our contract.

    Args:
        network: the source network, which stays as it is.
        image: what it takes.
        scale: one of `SCALES`.
        labels: its classes in its order, all emotions among them; others are dropped.
        outputs: what its outputs are.
    """
    source = preprocessed(network, image, scale)
    chosen = [list(labels).index(emotion) for emotion in EMOTIONS]
    x = _as_float(class_output(source))
    if chosen != list(range(len(labels))):
        x = ops.gather(x, chosen, 1)
    if outputs == "logits":
        x = ops.softmax(x, 1)
    elif outputs == "scores" or len(labels) > len(EMOTIONS):
        x = ops.maximum(x, _number(_SMALL))
        x = ops.divide(x, ops.reduce_sum(x, [1], True))
    x.output(0).get_tensor().set_names({"probabilities"})
    results = [ops.result(x)]
    for output in source.outputs:
        if "cam" in output.get_names() and output.get_partial_shape().rank.get_length() == 4:
            maps = ops.gather(output.get_node().input_value(0), chosen, 3)
            output.get_tensor().set_names(set())
            maps.output(0).get_tensor().set_names({"cam"})
            results.append(ops.result(maps))
    return ov.Model(results, source.get_parameters(), "imported")
