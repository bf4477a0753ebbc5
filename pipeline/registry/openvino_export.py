"""Exports of a run's trained model to OpenVINO, in float32 and int8.

Each has class activation maps as a second output. Keras is loaded inside the functions only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.data.store import datasets_of
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.keras_graph import keras_graph, keras_probabilities
from pipeline.registry.parity import check_same
from pipeline.runs import Run
from pipeline.storage import temporary_folder
from pipeline.training.run_setup import training_faces
from pipeline.vision.recognizer import read_network

if TYPE_CHECKING:
    import openvino as ov

INPUT = "faces: gray float32 (n, 48, 48, 1), 0 to 255"
"""The input of every model, for people."""

CALIBRATION_FACES = 300
_LARGE = 10_000_000  # parameters


def export_openvino(run: Run) -> Path:
    """Write the run's `openvino/model.xml` and `.bin` in float32, whole or not at all.

    A large bundled model keeps float16 weights, as its Keras weights are. Earlier exports are
    removed: they may be of another model. Input and outputs are those of `keras_graph`.

    Raises:
        UserError: the run has no trained model, or the export does not predict as it does.
    """
    os.environ.setdefault("CI", "true")  # switches the converter's telemetry off
    import openvino as ov

    model = keras_graph(run)
    target = run.openvino_path
    with _writing(run.path), temporary_folder(run.path) as folder:
        converted = folder / "converted.xml"
        model.export(str(converted), format="openvino", verbose=False)
        network = ov.Core().read_model(converted)
        for output in network.outputs:
            name = "probabilities" if len(output.partial_shape) == 2 else "cam"
            output.get_tensor().set_names({name})
        partial = folder / "openvino"
        large = run.bundled and model.count_params() >= _LARGE
        describe(network)
        ov.save_model(network, partial / target.name, compress_to_fp16=large)
        check_same(partial / target.name, keras_probabilities(model), run.name)
        shutil.rmtree(target.parent, ignore_errors=True)
        partial.rename(target.parent)
    return target


def export_int8(run: Run) -> Path:
    """Write the run's `openvino/int8.xml` and `.bin`, whole or not at all, from its float32 model.

    Post-training quantization of the convolutions, calibrated on 300 training faces (NNCF, Kozlov
    et al. 2020, https://arxiv.org/abs/2002.08679). Input, outputs and batch normalization that
    cannot be fused into a convolution stay in float32.

    Raises:
        UserError: the exported model or the run's data set is missing or damaged.
    """
    network = _quantize(read_network(run), _calibration_faces(run))
    save_network(network, run.int8_path)
    return run.int8_path


def save_network(network: ov.Model, target: Path) -> None:
    """Write a network of our contract with its labels to a `.xml` and `.bin`, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    import openvino as ov

    target.parent.mkdir(parents=True, exist_ok=True)
    describe(network)
    with _writing(target.parent), temporary_folder(target.parent) as folder:
        partial = folder / target.name
        ov.save_model(network, partial, compress_to_fp16=False)
        move_network(partial, target)


def move_network(path: Path, target: Path) -> None:
    """Move a network's `.xml` and `.bin` on the same disk."""
    target.unlink(missing_ok=True)  # a kill must not leave the old graph with the new weights
    path.with_suffix(".bin").replace(target.with_suffix(".bin"))
    path.replace(target)


def describe(network: ov.Model) -> None:
    """Write labels and input into a network of our contract.

    The labels stand where OpenVINO's Model API reads them
    (https://github.com/open-edge-platform/model_api).
    """
    network.set_rt_info(" ".join(EMOTIONS), ["model_info", "labels"])
    network.set_rt_info(INPUT, ["model_info", "input"])


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Convert OpenVINO's error of a file that cannot be written, which does not tell the reason."""
    try:
        yield
    except RuntimeError as error:
        if "iostream" not in str(error):
            raise
        raise UserError(
            f"The exported model cannot be written to {folder}: free some space there, or make "
            "it writable."
        ) from error


def _calibration_faces(run: Run) -> NDArray[np.uint8]:
    """Sample training faces, uint8 (n, 48, 48), by the run's seed, stratified by emotion."""
    config = run.config()
    if config.dataset_fingerprint and not datasets_of(config.dataset_fingerprint):
        raise UserError(
            f"int8 is calibrated on the training faces of '{run.name}', and its data set "
            f"'{config.dataset}' (fingerprint {config.dataset_fingerprint[:12]}) is not "
            "here: import it first."
        )
    faces, seed = training_faces(run), config.seed
    shuffled = np.random.default_rng(seed).permutation(faces.training_indices(seed))
    by_emotion = shuffled[np.argsort(faces.labels[shuffled], kind="stable")]
    count = min(CALIBRATION_FACES, len(shuffled))
    return np.asarray(faces.images[by_emotion[np.arange(count) * len(shuffled) // count]])


def _quantize(network: ov.Model, faces: NDArray[np.uint8]) -> ov.Model:
    os.environ.setdefault("NNCF_CI", "1")  # switches its telemetry off
    with redirect_stdout(StringIO()):  # it prints progress bars and a log
        import nncf  # type: ignore[import-untyped]

        batches = faces[:, np.newaxis, ..., np.newaxis].astype(np.float32)
        return nncf.quantize(
            network,
            nncf.Dataset(batches),
            subset_size=len(faces),
            fast_bias_correction=False,  # closer to float32, in little more time
            # Batch normalization before a convolution: the channels' ranges differ too much.
            ignored_scope=nncf.IgnoredScope(types=["Multiply"], validate=False),
        )
