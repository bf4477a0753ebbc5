"""Made clips with known truth: where each face is in each frame, and the frames themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from pipeline.vision.boxes import Box, shared

WIDTH, HEIGHT = 640, 480
MOST_HIDDEN = 0.4

Path_ = Callable[[float], tuple[float, float, float]]


@dataclass(frozen=True)
class Scene:
    """Faces that move.

    Attributes:
        paths: for each face what gives its middle and side in pixels at a time in seconds; later
            ones are in front.
        lasts_s: how long it lasts.
        away: face and the seconds from and until which it is not there.
    """

    paths: tuple[Path_, ...]
    lasts_s: float
    away: tuple[int, float, float] | None = None
