"""Faces as pictures that need no file on the server."""

import base64
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_GAP = 4


def data_uri(picture: NDArray[Any]) -> str:
    """Return a picture, uint8, as a PNG in its own address: it needs no file on the server."""
    png = base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()
    return f"data:image/png;base64,{png}"


def strip(faces: NDArray[np.uint8], places: int) -> NDArray[np.uint8]:
    """Return faces side by side, at twice their size, with clear gaps between them.

    Args:
        faces: uint8 (n, h, w), n at least 1.
        places: for how many faces there is room; those that lack stay clear.

    Returns:
        Grey and opacity, as RGBA uint8 (2 * h, width, 4).
    """
    height, width = 2 * faces.shape[1], 2 * faces.shape[2]
    picture = np.zeros((height, places * (width + _GAP) - _GAP, 4), np.uint8)
    for i, face in enumerate(faces):
        place = slice(i * (width + _GAP), i * (width + _GAP) + width)
        large = cv2.resize(face, (width, height), interpolation=cv2.INTER_CUBIC)
        picture[:, place, :3] = large[..., np.newaxis]
        picture[:, place, 3] = 255
    return picture


def sample_by_emotion(
    labels: NDArray[np.uint8], candidates: NDArray[np.intp], emotion: int, n: int, seed: int
) -> NDArray[np.intp]:
    """Return the positions of up to n faces of an emotion, the same for the same seed.

    Args:
        labels: uint8, the emotion of every face of the data set.
        candidates: the positions to draw from.
        emotion: index into `EMOTIONS`.
        n: how many.
        seed: what is drawn from.
    """
    found = candidates[labels[candidates] == emotion]
    rng = np.random.default_rng((seed, emotion))
    return np.sort(rng.choice(found, min(n, len(found)), replace=False))
