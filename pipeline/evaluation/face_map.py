"""Face map: a 2D embedding of faces by PCA and t-SNE, stored with the data set.

Source: van der Maaten & Hinton 2008, "Visualizing Data using t-SNE",
https://www.jmlr.org/papers/v9/vandermaaten08a.html.
"""

import hashlib
import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipeline.data.array_cache import load_arrays, save_arrays
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.storage import cannot_write
from pipeline.vision.features import last_features
from pipeline.workspace import dataset_folder

PIXELS = "pixels"
MAX_FACES = 5000
MIN_FACES = 4

_SEED = 0
_FEATURES_SHARE = 0.3  # of the progress bar
_COMPONENTS = 50
_PERPLEXITY = 30.0
_ITERATIONS = 1000


@dataclass(frozen=True)
class FaceMap:
    """Points of faces in a plane where only distances have a meaning, not the axes.

    Args:
        positions: intp (m,), positions of the faces in the data set, ascending.
        points: float32 (m, 2).
        source: origin of the vectors: `pixels` or a model's name.
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


def faces_to_map(dataset: FaceDataset, most: int = MAX_FACES) -> NDArray[np.intp]:
    """Return the positions of the faces on a map, intp (m,), ascending.

    All faces, or a seeded sample stratified by split and emotion, to within one face.
    """
    n = len(dataset)
    shuffled = np.random.default_rng(_SEED).permutation(n)
    by_stratum = np.lexsort((dataset.labels[shuffled], dataset.splits[shuffled]))
    m = min(n, most)
    return np.sort(shuffled[by_stratum][np.arange(m) * n // m])


def make_map(
    dataset: FaceDataset,
    model: Run | None = None,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> FaceMap:
    """Map up to 5,000 faces by their pixels or by a model's features.

    Args:
        dataset: the data set.
        model: a run or a bundled model, whose last features are used; None for pixels.
        on_progress: called with the share of the work done, 0 to 1.

    Raises:
        UserError: there are fewer than four faces, all are the same, or the model is damaged.
    """
    positions = faces_to_map(dataset)
    if len(positions) < MIN_FACES:
        raise UserError(
            f"Data set '{dataset.name}' has too few faces for a map, {len(positions)}: "
            f"it takes {MIN_FACES} or more."
        )
    source, weights = _source(model), _weights(model)
    features_share = 0.0 if model is None else _FEATURES_SHARE
    faces = np.asarray(dataset.images[positions])
    vectors = _vectors(faces, model, lambda share: on_progress(share * features_share))
    if not np.ptp(vectors, axis=0).max() > 0:  # or NaN
        raise UserError(
            f"All faces of data set '{dataset.name}' are the same by {source}: "
            "there is nothing to map."
        )
    points = embed(
        vectors, lambda share: on_progress(features_share + share * (1 - features_share))
    )
    return FaceMap(positions, points, source, weights)


def _vectors(
    faces: NDArray[np.uint8], model: Run | None, on_progress: Callable[[float], None]
) -> NDArray[np.float32]:
    if model is not None:
        return last_features(model, faces, on_progress)
    return np.asarray(faces.reshape(len(faces), -1) / np.float32(255))


def embed(
    vectors: NDArray[np.float32], on_progress: Callable[[float], None] = lambda fraction: None
) -> NDArray[np.float32]:
    """Return a point in the plane for each vector, float32 (n, 2), the same at each call.

    PCA to 50 dimensions, then t-SNE, on one thread: sums over several threads depend on their
    number, and on a busy machine t-SNE's threads are slower than one.

    Args:
        vectors: float32 (n, d), n at least 4, not all of them the same.
        on_progress: called with the share of t-SNE's steps done, 0 to 1.
    """
    from sklearn.decomposition import PCA  # imported here, since it takes a second
    from sklearn.manifold import TSNE

    n, d = vectors.shape
    tsne = TSNE(
        perplexity=min(_PERPLEXITY, (n - 1) / 3),
        max_iter=_ITERATIONS,
        random_state=_SEED,
        verbose=2,
    )
    with threadpool_limits(1), redirect_stdout(_Steps(on_progress)):
        reduced = PCA(min(_COMPONENTS, n, d), random_state=_SEED).fit_transform(vectors)
        return np.asarray(tsne.fit_transform(reduced), np.float32)


class _Steps(io.StringIO):
    """Reads t-SNE's progress from what it prints: scikit-learn reports it in no other way."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        super().__init__()
        self._on_progress = on_progress

    def write(self, text: str) -> int:
        step = re.search(r"Iteration (\d+)", text)
        if step:
            self._on_progress(min(1.0, int(step[1]) / _ITERATIONS))
        return len(text)


def save_map(dataset: FaceDataset, face_map: FaceMap) -> None:
    """Store a map with its data set, one for each source.

    Raises:
        UserError: it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        "positions": face_map.positions,
        "points": face_map.points,
        "weights": np.array(face_map.weights),
    }
    try:
        name = _file(face_map.source)
        save_arrays(dataset_folder(dataset.name), dataset.fingerprint, name, arrays)
    except OSError as error:
        raise cannot_write(f"The map of '{dataset.name}' cannot be stored", error) from error


def load_map(dataset: FaceDataset, model: Run | None = None) -> FaceMap | None:
    """Return the stored map of this data set and these weights, or None.

    Args:
        dataset: the data set.
        model: a run or a bundled model; None for the map by pixels.

    Raises:
        UserError: the exported model is missing.
    """
    source, weights = _source(model), _weights(model)
    stored = load_arrays(dataset_folder(dataset.name), dataset.fingerprint, _file(source))
    if stored is None or stored.keys() != {"positions", "points", "weights"}:
        return None
    if str(stored["weights"]) != weights:
        return None
    return FaceMap(stored["positions"], stored["points"], source, weights)


def _source(model: Run | None) -> str:
    return PIXELS if model is None else model.name


def _file(source: str) -> str:
    return f"map-{source}"


def _weights(model: Run | None) -> str:
    """Return the SHA-256 of the exported weights, so that the map of a replaced model is stale."""
    if model is None:
        return ""
    try:
        with model.openvino_path.with_suffix(".bin").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"The exported model of '{model.name}' is missing: export it again."
        ) from error
