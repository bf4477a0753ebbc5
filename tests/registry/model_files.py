"""Small model files of every format, made by hand from one linear classifier of the sample."""

import shutil
import struct
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as ops

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.registry.ensemble import make_ensemble
from pipeline.runs import Run, create_run, find_model

ALPHABETICAL = sorted(EMOTIONS)


def weights(dataset: FaceDataset, labels: list[str] | tuple[str, ...]) -> NDArray[np.float32]:
    """Return float32 (2304, n): a ridge regression of the emotions on pixels from 0 to 1.

    The networks clip pixels to 0-1 first, so that other scalings do worse.
    """
    faces = dataset.indices("train")
    x = dataset.images[faces].reshape(len(faces), -1) / np.float32(255) - np.float32(0.5)
    one_hot = np.stack([dataset.labels[faces] == _index(each) for each in labels], axis=1) * 1.0
    inverse = np.linalg.inv(x @ x.T + 5 * np.eye(len(x)))
    return (20 * x.T @ inverse @ (one_hot - one_hot.mean(axis=0))).astype(np.float32)


def _index(label: str) -> int:
    return EMOTIONS.index(label) if label in EMOTIONS else -1


def network(
    w: NDArray[np.float32], shape: tuple[int, ...] = (-1, 48, 48, 1), *, only: int = 0
) -> ov.Model:
    """Return a network of this input shape; with `only` it takes so many images at a time."""
    faces = ops.parameter(list(shape), ov.Type.f32, name="faces")
    x = ops.subtract(ops.clamp(faces, 0.0, 1.0), ops.constant(np.float32(0.5)))
    x = ops.reshape(x, [-1, len(w)], False)
    if only:
        x = ops.concat([x, ops.constant(np.zeros((only, 1), np.float32))], 1)
        w = np.concatenate([w, w[:1]])
    logits = ops.matmul(x, ops.constant(w), False, False)
    return ov.Model([ops.result(logits)], [faces])


def write_onnx(path: Path, w: NDArray[np.float32], shape: tuple[int | str, ...]) -> Path:
    """Write an ONNX file of opset 13: Clip, Sub, Reshape, MatMul, Softmax.

    The fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
    """

    def node(kind: str, inputs: str, output: str) -> bytes:
        named = b"".join(_text(1, each) for each in inputs.split())
        return _field(1, named + _text(2, output) + _text(4, kind))

    def tensor(name: str, array: NDArray[np.generic]) -> bytes:
        dims = b"".join(_number(1, each) for each in array.shape)
        kind = _number(2, 7 if array.dtype == np.int64 else 1)
        return _field(5, dims + kind + _text(8, name) + _field(9, array.tobytes()))

    def value(number: int, name: str, sizes: tuple[int | str, ...]) -> bytes:
        dims = b"".join(
            _field(1, _number(1, each) if isinstance(each, int) else _text(2, each))
            for each in sizes
        )
        of_type = _field(1, _number(1, 1) + _field(2, dims))
        return _field(number, _text(1, name) + _field(2, of_type))

    graph = (
        node("Clip", "faces zero one", "clipped")
        + node("Sub", "clipped half", "centered")
        + node("Reshape", "centered shape", "flat")
        + node("MatMul", "flat w", "logits")
        + node("Softmax", "logits", "out")
        + _text(2, "graph")
        + tensor("zero", np.array(0, np.float32))
        + tensor("one", np.array(1, np.float32))
        + tensor("half", np.array(0.5, np.float32))
        + tensor("shape", np.array([-1, len(w)], np.int64))
        + tensor("w", w)
        + value(11, "faces", shape)
        + value(12, "out", ("n", w.shape[1]))
    )
    path.write_bytes(_number(1, 8) + _field(8, _number(2, 13)) + _field(7, graph))
    return path


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += struct.pack("B", value % 128 + 128)
        value //= 128
    return out + struct.pack("B", value)


def _number(field: int, value: int) -> bytes:
    return _varint(field * 8) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field * 8 + 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())


def ensemble_with_int8() -> Run:
    """Return an ensemble of models with int8; without their data set none can be quantized."""
    bundled = find_model("custom_cnn")
    copy = create_run(TrainConfig(dataset="gone"), "f" * 64)
    shutil.copytree(bundled.openvino_path.parent, copy.openvino_path.parent)
    return make_ensemble("both", [bundled, copy])
