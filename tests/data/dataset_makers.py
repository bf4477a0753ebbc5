"""Small data sets of generated images, in memory or in the workspace."""

import cv2
import numpy as np

from pipeline.data.dataset import VOTES, Batch, FaceDataset
from pipeline.data.sample import draw_face
from pipeline.data.store import load_dataset, new_dataset
from pipeline.labels import EMOTIONS


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)


def smooth(seed: int, moved: int = 0) -> np.ndarray:
    """Blurred noise between 40 and 215, moved by up to 8 pixels to the left."""
    spots = np.random.default_rng(seed).random((6, 6), dtype=np.float32)
    wide = cv2.resize(spots, (64, 64), interpolation=cv2.INTER_CUBIC)
    image = cv2.normalize(wide, None, 40, 215, cv2.NORM_MINMAX, cv2.CV_8U)
    return image[8:56, 8 + moved : 56 + moved]


def checks(contrast: int, gray: int = 128) -> np.ndarray:
    """Alternating pixels whose standard deviation is just the contrast."""
    signs = np.indices((48, 48)).sum(axis=0) % 2 * 2 - 1
    return (gray + contrast * signs).astype(np.uint8)


def votes(**counts: int) -> list[int]:
    """FER+ votes on a face, by their names; the others have none."""
    return [counts.get(name, 0) for name in VOTES]


def make_faces(images, labels=None, splits="train", votes=None) -> FaceDataset:
    """Return a data set in memory; labels cycle through the emotions if not given."""
    n = len(images)
    return FaceDataset(
        name="faces",
        images=np.array(images, np.uint8).reshape(n, 48, 48),
        labels=np.array(np.arange(n) % len(EMOTIONS) if labels is None else labels, np.uint8),
        splits=np.array([splits] * n if isinstance(splits, str) else splits),
        ids=np.array([f"f{i}" for i in range(n)]),
        votes=None if votes is None else np.array(votes, np.uint8),
        fingerprint="0" * 64,
    )


def store_faces(images, labels=None, splits="train", votes=None) -> FaceDataset:
    """Write such a data set into the workspace and open it."""
    faces = make_faces(images, labels, splits, votes)
    with new_dataset(faces.name) as writer:
        writer.append(Batch(faces.images, faces.labels, faces.splits, faces.ids, 1.0))
        writer.finish(faces.name, "made up", 0, faces.votes)
    return load_dataset(faces.name)


def store_repeated_faces() -> FaceDataset:
    """Store 14 drawn faces in `train`; in `test` one of them again, and four with less contrast."""
    rng = np.random.default_rng(0)
    drawn = [draw_face(EMOTIONS[i % len(EMOTIONS)], rng) for i in range(14)]
    again = [drawn[4], *(image // 2 + 60 for image in drawn[:4])]
    return store_faces([*drawn, *again], splits=["train"] * 14 + ["test"] * 5)
