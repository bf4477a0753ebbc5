"""Base class of the face detectors."""

from abc import ABC, abstractmethod
from math import inf

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.boxes import Box


class Detector(ABC):
    """Finds faces in a gray image. Not thread-safe: make one per thread.

    Args:
        smallest_face: side of the smallest face to find, in pixels; may be changed.

    Attributes:
        budget_s: time for one image, for a detector that can also do with less.
    """

    budget_s = inf

    def __init__(self, smallest_face: int = 60) -> None:
        self.smallest_face = smallest_face

    @abstractmethod
    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray image, uint8 (h, w), largest first."""

    def fills(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether a face may fill a gray image (h, w) in which `detect` finds none.

        Some detectors need space around a face, which a face crop lacks.
        """
        return False

    @classmethod
    def is_available(cls) -> bool:
        """Whether all files that it needs exist; the constructor raises if they are damaged."""
        return True
