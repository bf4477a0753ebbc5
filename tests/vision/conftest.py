"""A real face on a plain ground, and the shipped model."""

from typing import Self

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.runs import find_model
from pipeline.vision.recognizer import Recognizer


class CountingRecognizer(Recognizer):
    """The shipped model, which remembers how many faces each batch had."""

    batches: list[int]

    def share(self) -> Self:
        other = super().share()
        other.batches = self.batches
        return other

    def predict(self, faces: np.ndarray) -> np.ndarray:
        self.batches.append(len(faces))
        return super().predict(faces)


@pytest.fixture
def recognizer() -> CountingRecognizer:
    recognizer = CountingRecognizer.load(find_model("custom_cnn"), "f32", threads=1)
    recognizer.batches = []
    return recognizer


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
