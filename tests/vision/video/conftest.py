"""A clip to read, a path to write to, and callbacks that do nothing."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.vision.clips import numbered_frames, write_clip

UNEVEN = [0, 3000, 4000, 9000, 30000, 31000, 70000, 160000]
MILLISECOND = Fraction(1, 1000)


def unchanged(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
    return frame_bgr


def ignore(fraction: float) -> None:
    pass


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "in.mp4", numbered_frames(8))


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out.mp4"
