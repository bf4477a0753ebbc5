"""Checks that an exported file predicts as the model that it was made from."""

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.data.sample import draw_face
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.vision.recognizer import compile_network

TOLERANCE = 1e-3


def check_faces() -> NDArray[np.uint8]:
    """Return a synthetic face of each emotion, uint8 (7, 48, 48), 0-255."""
    return np.stack([draw_face(emotion, np.random.default_rng(0)) for emotion in EMOTIONS])


def check_same(path: Path, expected: NDArray[np.float32], name: str) -> float:
    """Check that an exported file or folder predicts the check faces as its model does.

    Args:
        path: of any format that OpenVINO reads.
        expected: the model's probabilities for `check_faces`, float32 (7, 7).
        name: of the model.

    Returns:
        the largest difference of a probability.

    Raises:
        UserError: it is more than 0.001.
    """
    difference = float(np.abs(exported_probabilities(path) - expected).max())
    if not difference <= TOLERANCE:
        raise UserError(
            f"The exported {path.name} of '{name}' does not predict as the model does: export it "
            "again, or to another format."
        )
    return difference


def exported_probabilities(path: Path) -> NDArray[np.float32]:
    """Return what an exported file or folder predicts for `check_faces`, float32 (7, 7)."""
    faces = check_faces()[..., np.newaxis].astype(np.float32)
    network = ov.Core().read_model(path)
    network.reshape([-1, *faces.shape[1:]])
    outputs = compile_network(network)([faces]).values()
    return np.asarray(next(each for each in outputs if each.ndim == 2))
