"""Faces in the plane, alike ones side by side; kept with the data set."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.data.kept import keep, read_kept
from pipeline.errors import UserError
from pipeline.evaluation.embedding import embed
from pipeline.runs import Run
from pipeline.vision.features import last_features
from pipeline.workspace import dataset_folder

PIXELS = "pixels"
MOST = 5000
FEWEST = 4
_SEED = 0
_FEATURES_SHARE = 0.3


@dataclass(frozen=True)
class FaceMap:
    """Where faces lie in a plane whose axes mean nothing: only who is near whom does.

    Args:
        positions: intp (m,), the faces' places in the data set, ascending.
        points: float32 (m, 2).
        source: what they were compared by: `pixels` or a model's name.
        weights: SHA-256 of the model's weights; empty for pixels.
    """

    positions: NDArray[np.intp]
    points: NDArray[np.float32]
    source: str
    weights: str

    def __post_init__(self) -> None:
        if self.points.shape != (len(self.positions), 2):
            raise ValueError(
                f"points must be ({len(self.positions)}, 2). Received: {self.points.shape}"
            )


def faces_to_map(dataset: FaceDataset, most: int = MOST) -> NDArray[np.intp]:
    """Return which faces a map shows, intp (m,), ascending: all, or the same draw each time.

    Each emotion of each split has its share of the data set, to within one face.
    """
    n = len(dataset)
    shuffled = np.random.default_rng(_SEED).permutation(n)
    by_kind = np.lexsort((dataset.labels[shuffled], dataset.splits[shuffled]))
    m = min(n, most)
    return np.sort(shuffled[by_kind][np.arange(m) * n // m])


def make_map(
    dataset: FaceDataset,
    model: Run | None = None,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> FaceMap:
    """Lay out up to 5,000 faces by their pixels or by what a model sees in them.

    Args:
        dataset: the data set.
        model: a run or a shipped model, of which the last features count; None for pixels.
        on_progress: called with the share of the work done, 0 to 1.

    Raises:
        UserError: there are fewer than four faces, nothing tells them apart, or the model is
            damaged.
    """
    positions = faces_to_map(dataset)
    if len(positions) < FEWEST:
        raise UserError(
            f"Data set '{dataset.name}' has too few faces for a map, {len(positions)}: "
            f"it takes {FEWEST} or more."
        )
    source, weights = _source(model), _weights(model)
    begin = 0.0 if model is None else _FEATURES_SHARE
    faces = np.asarray(dataset.images[positions])
    vectors = _vectors(faces, model, lambda share: on_progress(share * begin))
    if not np.ptp(vectors, axis=0).max() > 0:  # nor is NaN
        raise UserError(
            f"All faces of data set '{dataset.name}' are the same by {source}: "
            "there is nothing to map."
        )
    points = embed(vectors, lambda share: on_progress(begin + share * (1 - begin)))
    return FaceMap(positions, points, source, weights)


def _vectors(
    faces: NDArray[np.uint8], model: Run | None, on_progress: Callable[[float], None]
) -> NDArray[np.float32]:
    if model is not None:
        return last_features(model, faces, on_progress)
    return np.asarray(faces.reshape(len(faces), -1) / np.float32(255))


def keep_map(dataset: FaceDataset, made: FaceMap) -> None:
    """Keep a map with its data set, one for each source.

    Raises:
        UserError: it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        "positions": made.positions,
        "points": made.points,
        "weights": np.array(made.weights),
    }
    try:
        keep(dataset_folder(dataset.name), dataset.fingerprint, _file(made.source), arrays)
    except OSError as error:
        raise UserError(
            f"The map of '{dataset.name}' cannot be kept: {error.strerror or error}."
        ) from error


def kept_map(dataset: FaceDataset, model: Run | None = None) -> FaceMap | None:
    """Return the map that was kept of just this data set and these weights, or None.

    Args:
        dataset: the data set.
        model: a run or a shipped model; None for the map by pixels.

    Raises:
        UserError: the exported model is missing.
    """
    source, weights = _source(model), _weights(model)
    found = read_kept(dataset_folder(dataset.name), dataset.fingerprint, _file(source))
    if found is None or found.keys() != {"positions", "points", "weights"}:
        return None
    if str(found["weights"]) != weights:
        return None
    return FaceMap(found["positions"], found["points"], source, weights)


def _source(model: Run | None) -> str:
    return PIXELS if model is None else model.name


def _file(source: str) -> str:
    return f"map-{source}"


def _weights(model: Run | None) -> str:
    """Return the SHA-256 of the exported weights, so that a replaced model's map is not shown."""
    if model is None:
        return ""
    try:
        with model.openvino_path.with_suffix(".bin").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"The exported model of '{model.name}' is missing: export it again."
        ) from error
