"""Inference on 48x48 gray face crops with OpenVINO. Independent of video and Streamlit."""

import os
from typing import Literal, Self

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.vision.confidence import scale_probabilities
from pipeline.vision.network_check import is_usable

Precision = Literal["f32", "default", "int8"]


class Recognizer:
    """A compiled model with one infer request. Not thread-safe: `share` returns one per thread.

    Args:
        compiled: the model.
        precision: what it was compiled for, see `load`.
        temperature: of the model's calibration, 1 for none.
        two_views: see `load`.

    Example:
        >>> recognizer = Recognizer.load(find_model("custom_cnn"))
        >>> recognizer.predict(dataset.images[:4]).shape
        (4, 7)
    """

    def __init__(
        self,
        compiled: ov.CompiledModel,
        precision: Precision,
        temperature: float,
        two_views: bool = False,
    ) -> None:
        self._compiled, self._two_views = compiled, two_views
        self.precision = precision
        self._temperature = temperature
        self._request = compiled.create_infer_request()

    @classmethod
    def load(
        cls,
        model: Run,
        precision: Precision = "f32",
        threads: int = 0,
        two_views: bool = False,
        streams: int = 1,
    ) -> Self:
        """Compile a run's exported model.

        Args:
            model: a run or a bundled model.
            precision: `f32` for metrics that are stored or compared, `default` for the
                processor's fastest (bfloat16 where it can), `int8` for the quantized model, if
                one was made, with the rest as in `default`.
            threads: processor threads of an inference; 0 for one per core, or for as many as
                `OMP_NUM_THREADS` leaves to this process, as in a job of a cluster.
            two_views: predict the mean of a face and its mirror image, in twice the time.
            streams: inferences at a time, of the recognizers that share the compiled model; the
                others wait for their turn.

        Raises:
            UserError: the exported model is missing or damaged.
        """
        calibration = model.calibration()
        return cls(
            compile_network(read_network(model, precision), precision, threads, streams),
            precision,
            calibration.temperature if calibration else 1.0,
            two_views,
        )

    def share(self) -> Self:
        """Return a recognizer of the same compiled model, for another thread."""
        return type(self)(self._compiled, self.precision, self._temperature, self._two_views)

    @property
    def map_side(self) -> int:
        """The shorter side of the class activation maps, in cells; 0 if the model has none."""
        if not has_maps(self._compiled):
            return 0
        _, height, width, _ = self._compiled.output("cam").partial_shape
        return int(min(height.get_length(), width.get_length()))

    def same_model(self, other: "Recognizer") -> bool:
        """Whether another one uses the same compiled model."""
        return self._compiled is other._compiled

    def predict(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities, float32 (n, 7), of gray faces, uint8 (n, 48, 48), 0-255."""
        if not len(faces):
            return np.empty((0, len(EMOTIONS)), np.float32)
        if self._two_views:
            faces = np.concatenate([faces, faces[:, :, ::-1]])
        self._request.infer([faces[..., np.newaxis].astype(np.float32)])
        probabilities = self._output("probabilities")
        if self._two_views:
            original, mirrored = np.split(probabilities, 2)
            return np.asarray((original + mirrored) / 2, np.float32)
        return probabilities

    def explain(self, faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probabilities and the class activation maps, float32 (n, h, w, 7).

        Of two views the map is that of the face as given. Of a model without maps h and w are 0.
        """
        probabilities = self.predict(faces)
        if not has_maps(self._compiled):
            return probabilities, np.empty((len(faces), 0, 0, len(EMOTIONS)), np.float32)
        return probabilities, self._output("cam")[: len(faces)]

    def calibrated(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities at the model's fitted temperature, which gives the confidence.

        Of the predictions with a confidence of 70%, about 70% are right. The most probable emotion
        stays the same; without a temperature nothing changes.

        Args:
            probabilities: float32 (n, 7) or (7,), from `predict`, or averages of such.

        Returns:
            float32, of the same shape.
        """
        return scale_probabilities(probabilities, self._temperature)

    def _output(self, name: str) -> NDArray[np.float32]:
        output: NDArray[np.float32] = self._request.get_tensor(name).data.copy()
        return output


def read_network(model: Run, precision: Precision = "f32") -> ov.Model:
    """Read a run's exported model; for `int8`, the quantized one.

    Raises:
        UserError: it is missing or damaged.
    """
    path, cure = model.openvino_path, "export it again"
    if precision == "int8":
        path, cure = model.int8_path, "export it with --int8"
    damaged = UserError(
        f"The exported model {path.name} of '{model.name}' is missing or damaged: {cure}."
    )
    if not model.bundled and not is_usable(path):
        raise damaged
    try:
        return ov.Core().read_model(path)
    except RuntimeError as error:
        raise damaged from error


def has_maps(network: ov.Model | ov.CompiledModel) -> bool:
    """Return whether a network has class activation maps as its output `cam`."""
    return any("cam" in output.get_names() for output in network.outputs)


def compile_network(
    network: ov.Model, precision: Precision = "f32", threads: int = 0, streams: int = 1
) -> ov.CompiledModel:
    """Compile a network for this processor; see `Recognizer.load` for the arguments."""
    options: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads * streams or _threads_left(),
        "NUM_STREAMS": streams,
    }
    if precision == "f32":
        options["INFERENCE_PRECISION_HINT"] = "f32"
    return ov.Core().compile_model(network, "CPU", options)


def _threads_left() -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() else 0
