"""A real face on a plain ground, and a recognizer that needs no model."""

from typing import Self

import cv2
import numpy as np
import pytest
import skimage.data


class FakeRecognizer:
    """Says `happy` 0.7, and remembers how many faces each batch had."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def share(self) -> Self:
        return self

    def predict(self, faces: np.ndarray) -> np.ndarray:
        self.batches.append(len(faces))
        return np.tile(np.float32([0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05]), (len(faces), 1))


@pytest.fixture
def recognizer() -> FakeRecognizer:
    return FakeRecognizer()


@pytest.fixture(scope="session")
def face_frame() -> np.ndarray:
    """640x480 BGR with one face, about 100 pixels wide around (314, 184)."""
    frame = np.full((480, 640, 3), 90, np.uint8)
    portrait = skimage.data.astronaut()[:300, 80:380]
    frame[70:370, 170:470] = cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR)
    frame.flags.writeable = False
    return frame


@pytest.fixture(scope="session")
def two_faces_frame(face_frame) -> np.ndarray:
    """1280x480 BGR with the face twice."""
    return np.hstack([face_frame, face_frame])
