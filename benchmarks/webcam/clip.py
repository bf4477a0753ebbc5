"""Films for a fake webcam: a real face, or four, that wander below a strip that numbers the frames.

The strip holds ten bits, the highest first, each followed by its opposite, so that a reader needs
no threshold and notices what it cannot read.
"""

from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 640, 480, 30
FRAMES = 20 * FPS
BITS = 10
BLOCK, STRIP = WIDTH // (2 * BITS), 24
# Of each face: what it wanders about, and how high its picture is.
ONE_FACE = (((320, 270), 300),)
FOUR_FACES = tuple(((x, y), 185) for x in (160, 480) for y in (150, 365))


def write_clip(path: Path, faces: tuple[tuple[tuple[int, int], int], ...]) -> Path:
    """Write 20 seconds as a `.mjpeg` that can be repeated."""
    portrait = cv2.cvtColor(skimage.data.astronaut()[10:200, 130:330], cv2.COLOR_RGB2BGR)
    with path.open("wb") as film:
        for number in range(FRAMES):
            frame_bgr = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for index, ((x, y), height) in enumerate(faces):
                phase = 2 * np.pi * (4 * number / FRAMES + index / len(faces))
                at = int(x + 0.3 * height * np.cos(phase)), int(y + 0.1 * height * np.sin(phase))
                _paste(frame_bgr, portrait, at, int(height * (1 + 0.1 * np.sin(phase))))
            _write_number(frame_bgr, number)
            film.write(cv2.imencode(".jpg", frame_bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return path


def _paste(
    frame: NDArray[np.uint8], picture: NDArray[np.uint8], middle: tuple[int, int], height: int
) -> None:
    width = height * picture.shape[1] // picture.shape[0]
    left, top = max(0, middle[0] - width // 2), max(STRIP, middle[1] - height // 2)
    seen = cv2.resize(picture, (width, height))[: HEIGHT - top, : WIDTH - left]
    frame[top : top + seen.shape[0], left : left + seen.shape[1]] = seen


def _write_number(frame: NDArray[np.uint8], number: int) -> None:
    for place, bit in enumerate(f"{number:0{BITS}b}"):
        left = 2 * place * BLOCK
        frame[:STRIP, left : left + BLOCK] = 150 if bit == "1" else 30
        frame[:STRIP, left + BLOCK : left + 2 * BLOCK] = 30 if bit == "1" else 150
