"""A model with YuNet's input and outputs that takes a white square for a face.

ONNX is written by hand in protobuf's wire format (github.com/onnx/onnx, onnx.proto): the project
neither requires the package `onnx` nor bundles the real model.
"""

from pathlib import Path

import numpy as np

FLOAT, INT64 = 1, 7  # TensorProto.DataType
INTS = 7  # AttributeProto.AttributeType
CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
STRIDES = (8, 16, 32)


def write_model(path: Path) -> Path:
    """Write it: a white cell of 32 by 32 pixels is a face as wide and twice as high around it."""
    nodes, tensors, outputs = b"", b"", b""
    for stride in STRIDES:
        for kind, channels in CHANNELS.items():
            name = f"{kind}_{stride}"
            weights = np.zeros((channels, 3, stride, stride), np.float32)
            bias = np.zeros(channels, np.float32)
            if kind in ("cls", "obj") and stride == 32:
                weights += 1 / (255 * weights.size)
            if kind == "bbox":
                bias[:] = 0.5, 0.5, 0, np.log(2)
            tensors += _tensor(f"{name}.w", weights, FLOAT) + _tensor(f"{name}.b", bias, FLOAT)
            tensors += _tensor(f"{name}.shape", np.array([1, -1, channels], np.int64), INT64)
            steps = {"kernel_shape": (stride, stride), "strides": (stride, stride)}
            nodes += _node("Conv", ("input", f"{name}.w", f"{name}.b"), f"{name}.map", **steps)
            nodes += _node("Transpose", (f"{name}.map",), f"{name}.last", perm=(0, 2, 3, 1))
            nodes += _node("Reshape", (f"{name}.last", f"{name}.shape"), name)
            outputs += _field(12, _value(name, (1, (640 // stride) ** 2, channels)))
    named = _field(2, "toy") + tensors + _field(11, _value("input", (1, 3, 640, 640)))
    opset = _field(8, _field(1, "") + _field(2, 11))
    path.write_bytes(_field(1, 6) + _field(7, nodes + named + outputs) + opset)
    return path


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    done = b""
    while value > 127:
        done += bytes([value & 127 | 128])
        value >>= 7
    return done + bytes([value])


def _tensor(name: str, array: np.ndarray, kind: int) -> bytes:
    dims = b"".join(_field(1, size) for size in array.shape)
    return _field(5, dims + _field(2, kind) + _field(8, name) + _field(9, array.tobytes()))


def _node(operation: str, inputs: tuple[str, ...], output: str, **lists: tuple[int, ...]) -> bytes:
    attributes = b"".join(
        _field(5, _field(1, name) + b"".join(_field(8, v) for v in values) + _field(20, INTS))
        for name, values in lists.items()
    )
    names = b"".join(_field(1, name) for name in inputs)
    return _field(
        1, names + _field(2, output) + _field(3, output) + _field(4, operation) + attributes
    )


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, FLOAT) + _field(2, dims)))
