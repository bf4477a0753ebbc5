"""Face images for pages and reports: data URIs, strips and samples."""

import base64
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_GAP_PX = 4


def data_uri(image: NDArray[Any]) -> str:
    """Return an image, uint8, gray or BGR, as a PNG in a data URI."""
    png = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
    return f"data:image/png;base64,{png}"


def face_strip(faces: NDArray[np.uint8], slots: int) -> NDArray[np.uint8]:
    """Return faces side by side, at twice their size, with transparent gaps between them.

    Args:
        faces: uint8 (n, h, w), n at least 1.
        slots: the number of faces that the strip has room for; free slots are transparent.

    Returns:
        RGBA uint8 (2 * h, width, 4).
    """
    height, width = 2 * faces.shape[1], 2 * faces.shape[2]
    strip = np.zeros((height, slots * (width + _GAP_PX) - _GAP_PX, 4), np.uint8)
    for i, face in enumerate(faces):
        columns = slice(i * (width + _GAP_PX), i * (width + _GAP_PX) + width)
        large = cv2.resize(face, (width, height), interpolation=cv2.INTER_CUBIC)
        strip[:, columns, :3] = large[..., np.newaxis]
        strip[:, columns, 3] = 255
    return strip


def sample_by_emotion(
    labels: NDArray[np.uint8], candidates: NDArray[np.intp], emotion: int, n: int, seed: int
) -> NDArray[np.intp]:
    """Return the positions of up to n random faces of an emotion, ascending, the same per seed.

    Args:
        labels: uint8, the labels of all faces of the data set.
        candidates: the positions to sample from.
        emotion: index into `EMOTIONS`.
        n: how many.
        seed: of the random generator.
    """
    of_emotion = candidates[labels[candidates] == emotion]
    rng = np.random.default_rng((seed, emotion))
    return np.sort(rng.choice(of_emotion, min(n, len(of_emotion)), replace=False))
