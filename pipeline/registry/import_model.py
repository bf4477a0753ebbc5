"""Reads the model files of other frameworks as OpenVINO networks, in a process of its own.

A foreign file can be damaged or hostile: the process has limits on time, memory and the size of a
file that it writes, and runs no code of the file. Files that need such code (pickles, Lambda
layers, custom layers) are refused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openvino as ov

from pipeline.errors import UserError
from pipeline.registry.source_network import ImageInput, check_output, image_input, with_any_batch

_MEMORY, _FILE_SIZE, _SECONDS = 8 * 1024**3, 4 * 1024**3, 300
_PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".sav")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KERAS_MODULES = ("keras", "builtins", "")
_UNSAFE_LAYERS = ("TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")


class Format(NamedTuple):
    """A model format: its name for people, and the function that reads a file or folder of it."""

    framework: str
    read: Callable[[Path], ov.Model]


def convert(source: Path, target: Path, input_size: int = 0) -> None:
    """Convert a model file to an OpenVINO network for batches of any size.

    The work is done in a process of its own, with limits.

    Args:
        source: the file, or the folder of a SavedModel.
        target: the `.xml` to write, with its `.bin` beside it; it has the source's own input and
            output.
        input_size: height and width of the input, where the model leaves them open; else 0.

    Raises:
        UserError: the file is of no known format, needs code, is damaged or takes too much time or
            memory, or its input or output is not that of an emotion model.
    """
    format_of(source)
    command = [sys.executable, "-m", __name__, str(source), str(target), str(input_size)]
    environment = {**os.environ, "CI": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{source.name} took longer than {_SECONDS // 60} minutes to read: it is damaged, or "
            "too large for this machine."
        ) from None
    if done.returncode == 0:
        return
    lines = done.stderr.strip().splitlines()
    if (
        done.returncode == 1 and lines and lines[-1].endswith(".")
    ):  # every `UserError` is a sentence
        raise UserError(lines[-1])
    raise UserError(
        f"{source.name} cannot be read: it is damaged, or needs more than "
        f"{_MEMORY // 1024**3} GB of memory."
    )


def format_of(source: Path) -> Format:
    """Return the format of a model file or folder.

    Raises:
        UserError: there is no such file, or it is of no known format.
    """
    if not source.exists():
        raise UserError(f"There is no file {source}: check the path.")
    suffix = source.suffix.lower()
    if source.is_dir():
        suffix = "" if (source / "saved_model.pb").is_file() else "?"
    if suffix in _PICKLES:
        raise UserError(
            f"{source.name} is a pickle, which can run any code when it is read: export the model "
            "to ONNX (torch.onnx.export, or skl2onnx), and add that file."
        )
    if suffix not in FORMATS:
        raise UserError(
            f"{source.name} is of no known model format. Choose from: Keras (.keras, .h5, .hdf5), "
            "a SavedModel folder, TFLite (.tflite), ONNX (.onnx), OpenVINO (.xml with its .bin)."
        )
    return FORMATS[suffix]


def _read_keras(source: Path) -> ov.Model:
    config = _keras_config(source)
    _check_layers(source.name, config)
    import keras

    file = Path(sys.argv[2]).with_name(f"source{source.suffix.lower()}")
    readable = _as_keras_3(config)
    if readable == config:
        file.symlink_to(source.resolve())  # Keras knows the endings in lower case only
    else:
        _write_with_config(source, file, readable)
    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # of many kinds: what Keras raises is not documented
        raise UserError(
            f"{source.name} cannot be loaded by Keras {keras.__version__} ({_first_line(error)}): "
            "save it again with a newer Keras, or export it to ONNX."
        ) from error
    if len(model.inputs) != 1:
        raise UserError(_one_input(source.name, [each.name for each in model.inputs]))
    folder = Path(sys.argv[2]).parent / "keras"
    folder.mkdir()
    model.export(str(folder / "model.xml"), format="openvino", verbose=False)
    network = ov.Core().read_model(folder / "model.xml")
    # Behind them come inner values of functions with a gradient of their own, such as swish.
    outputs = network.get_results()[: len(model.outputs)]
    return ov.Model(outputs, network.get_parameters())


def _keras_config(source: Path) -> Any:
    """Return the description of the layers in a Keras file, as Keras would read it.

    That is decided by the ending alone: a file may be a zip and HDF5 at the same time.
    """
    damaged = UserError(f"{source.name} is damaged or is no Keras file: save the model again.")
    try:
        if source.suffix.lower() == ".keras":
            with zipfile.ZipFile(source) as archive:
                config = json.loads(archive.read("config.json"))
            return {**config, "compile_config": None}  # which `compile=False` leaves out
        with source.open("rb") as file:
            if file.read(len(_HDF5)) != _HDF5:
                raise damaged
        import h5py  # type: ignore[import-untyped]

        with h5py.File(source, "r") as file:
            config = file.attrs.get("model_config")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise damaged from error
    if config is None:
        raise UserError(
            f"{source.name} holds weights only: save the whole model with model.save, and add that."
        )
    return json.loads(config)


def _as_keras_3(config: Any) -> Any:
    """Return the description of a Keras 2 model as Keras 3 reads it."""
    config = deepcopy(config)
    for part in _parts(config):
        kind, settings = part["class_name"], part.get("config")
        if not isinstance(settings, dict):
            continue
        if kind == "Functional" and "engine" in str(part.get("module")):
            part["module"] = "keras.src.models.functional"
        if kind.startswith(("Depthwise", "Separable")) or kind.endswith("Transpose"):
            if settings.get("groups") == 1:  # these have none
                del settings["groups"]
        if kind.startswith(("Depthwise", "Separable")):  # they have a depthwise one
            for name in ("kernel_initializer", "kernel_regularizer", "kernel_constraint"):
                settings.pop(name, None)
        match settings:
            case {"axis": [axis]}:
                settings["axis"] = axis
            case {"output_layers": [[str(), *_] as only]}:  # a list would be given to what follows
                settings["output_layers"] = only
        match settings:
            case {"dtype": {"class_name": "Policy", "config": {"name": name}}}:
                settings["dtype"] = name
    return config


def _write_with_config(source: Path, target: Path, config: Any) -> None:
    """Copy a Keras file with another description of its layers."""
    if target.suffix == ".keras":
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for name in old.namelist():
                content = json.dumps(config) if name == "config.json" else old.read(name)
                new.writestr(name, content)
        return
    import h5py

    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)


def _check_layers(name: str, config: Any) -> None:
    """Refuse layers that would run code of the file, or of this machine that is not Keras' own."""
    for part in _parts(config):
        kind = str(part["class_name"])
        if kind == "Lambda" or "OpLambda" in kind:
            raise UserError(
                f"{name} has a Lambda layer, which is code that is not run here: export the model "
                "to ONNX or TFLite, and add that file."
            )
        module = str(part.get("module") or "")
        registered = str(part.get("registered_name") or "")
        if (
            module.split(".")[0] not in _KERAS_MODULES
            or module.startswith("keras.utils")
            or ">" in registered
            or kind in _UNSAFE_LAYERS
        ):
            raise UserError(
                f"{name} has a layer of its own, {kind!r}, whose code is not in the file: export "
                "the model to ONNX or TFLite, and add that file."
            )


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Yield all parts of a Keras configuration that name a class."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _read_openvino(source: Path) -> ov.Model:
    """Read what OpenVINO itself reads: ONNX, TFLite, a SavedModel, or its own format."""
    if source.suffix.lower() == ".xml" and not source.with_suffix(".bin").is_file():
        raise UserError(f"{source.name} needs its weights, {source.stem}.bin, beside it.")
    try:
        return ov.Core().read_model(source)
    except RuntimeError as error:
        raise UserError(
            f"{source.name} is damaged, or has operations that OpenVINO does not know: save it "
            "again, or export it to another format."
        ) from error


FORMATS = {
    ".keras": Format("Keras", _read_keras),
    ".h5": Format("Keras", _read_keras),
    ".hdf5": Format("Keras", _read_keras),
    "": Format("SavedModel", _read_openvino),
    ".tflite": Format("TFLite", _read_openvino),
    ".onnx": Format("ONNX", _read_openvino),
    ".xml": Format("OpenVINO", _read_openvino),
}
"""Ending of the file → format; a SavedModel is a folder."""


def _one_input(name: str, inputs: list[str]) -> str:
    return (
        f"{name} has {len(inputs)} inputs ({', '.join(inputs)}): only a model whose one input is "
        "an image can be added."
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")


def _convert(source: Path, target: Path, input_size: int) -> None:
    network = format_of(source).read(source)
    if len(network.inputs) != 1:
        names = [each.get_any_name() if each.get_names() else "?" for each in network.inputs]
        raise UserError(_one_input(source.name, names))
    image = image_input(network, source.name, input_size)
    network = with_any_batch(network, image, source.name)
    check_output(network, source.name)
    _try(network, image, source.name)
    ov.save_model(network, target, compress_to_fp16=False)


def _try(network: ov.Model, image: ImageInput, name: str) -> None:
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    images = np.random.default_rng(0).random(image.shape(2)) * 100  # black ones have no contrast
    outputs = compiled([images.astype(image.dtype)])
    if not all(np.isfinite(each).all() for each in outputs.values()):
        raise UserError(f"{name} predicts no finite numbers for an image: it is damaged.")


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    limits = {
        resource.RLIMIT_DATA: _MEMORY,
        resource.RLIMIT_FSIZE: _FILE_SIZE,
        resource.RLIMIT_CPU: _SECONDS * (os.cpu_count() or 1),  # should its parent be killed
    }
    for kind, most in limits.items():
        with suppress(ValueError):  # a lower one holds already
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    _limit()
    try:
        _convert(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    except UserError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
