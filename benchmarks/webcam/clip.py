"""Clips for a fake webcam: one, two or four moving faces, below a strip that numbers the frames.

The strip holds ten bits, the highest first, each followed by its complement, so that a reader needs
no threshold and notices an unreadable frame.
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
# Of each face: the center of its path, and the height of its image, in pixels.
ONE_FACE = (((320, 270), 300),)
TWO_FACES = (((170, 260), 250), ((470, 260), 250))
FOUR_FACES = tuple(((x, y), 185) for x in (160, 480) for y in (150, 365))


def write_clip(path: Path, faces: tuple[tuple[tuple[int, int], int], ...]) -> Path:
    """Write 20 seconds as `.mjpeg`; the browser repeats it."""
    portrait_bgr = cv2.cvtColor(skimage.data.astronaut()[10:200, 130:330], cv2.COLOR_RGB2BGR)
    with path.open("wb") as file:
        for number in range(FRAMES):
            frame_bgr = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for index, ((x, y), height) in enumerate(faces):
                phase = 2 * np.pi * (4 * number / FRAMES + index / len(faces))
                center = (
                    int(x + 0.3 * height * np.cos(phase)),
                    int(y + 0.1 * height * np.sin(phase)),
                )
                _paste(frame_bgr, portrait_bgr, center, int(height * (1 + 0.1 * np.sin(phase))))
            _write_number(frame_bgr, number)
            file.write(cv2.imencode(".jpg", frame_bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return path


def _paste(
    frame: NDArray[np.uint8], image: NDArray[np.uint8], center: tuple[int, int], height: int
) -> None:
    width = height * image.shape[1] // image.shape[0]
    left, top = max(0, center[0] - width // 2), max(STRIP, center[1] - height // 2)
    visible = cv2.resize(image, (width, height))[: HEIGHT - top, : WIDTH - left]
    frame[top : top + visible.shape[0], left : left + visible.shape[1]] = visible


def _write_number(frame: NDArray[np.uint8], number: int) -> None:
    for position, bit in enumerate(f"{number:0{BITS}b}"):
        left = 2 * position * BLOCK
        frame[:STRIP, left : left + BLOCK] = 150 if bit == "1" else 30
        frame[:STRIP, left + BLOCK : left + 2 * BLOCK] = 30 if bit == "1" else 150
