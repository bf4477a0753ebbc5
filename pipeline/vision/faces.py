"""Where the faces are in a picture, and how each becomes what the models read."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.data.pictures import to_face
from pipeline.vision.boxes import Box, clip
from pipeline.vision.haar import HaarDetector
from pipeline.vision.yunet import YuNetDetector, yunet_file

__all__ = [
    "DETECTORS",
    "Box",
    "Detector",
    "HaarDetector",
    "YuNetDetector",
    "available_detectors",
    "clip",
    "crop_face",
]


class Detector(Protocol):
    """What photo, video and live need of a face detector; made with the smallest face's side."""

    def __init__(self, smallest: int) -> None: ...

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in a grey picture, uint8 (h, w)."""
        ...


DETECTORS: dict[str, type[Detector]] = {"haar": HaarDetector, "yunet": YuNetDetector}


def available_detectors() -> list[str]:
    """Return the names of the detectors whose files are here; to make one may still fail."""
    return [name for name in DETECTORS if name != "yunet" or yunet_file().is_file()]


def crop_face(gray: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Cut a face, uint8 (48, 48), out of a grey picture (h, w); the box is clipped to it."""
    left, top, right, bottom = clip(box, *gray.shape)
    return to_face(np.ascontiguousarray(gray[top:bottom, left:right]))
