"""Short video files made for the tests."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from av.video.reformatter import Interpolation

TICK = Fraction(1, 90000)
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND


def face_image(height: int = 240, width: int = 320) -> np.ndarray:
    """BGR with one face in the middle, a third as wide as the image is high."""
    image = np.full((height, width, 3), 90, np.uint8)
    portrait = cv2.cvtColor(skimage.data.astronaut()[:220, 120:340], cv2.COLOR_RGB2BGR)
    side = height * 3 // 4
    top, left = (height - side) // 2, (width - side) // 2
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    image[top : top + side, left : left + side] = small
    return image


def numbered_frames(frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Plain gray frames, each ten levels lighter than the one before, with a red corner."""
    images = [np.full((height, width, 3), 20 + 10 * i, np.uint8) for i in range(frames)]
    for image in images:
        image[: height // 3, : width // 3] = (30, 30, 220)
    return images


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    ticks: Iterable[int] = range(0, 10**9, 3000),
    time_base: Fraction = TICK,
    codec: str = "libx264",
    rotation: int = 0,
    pixel: Fraction | None = None,
    sound: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Write BGR frames of one size at their times; `pixel` is width over height."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = time_base
        if pixel:
            stream.codec_context.sample_aspect_ratio = pixel
        if rotation:
            stream.set_display_rotation(rotation)
        if sound:
            _add_silence(container, seconds=2)
        for image, pts in zip(frames, ticks, strict=False):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame = frame.reformat(format="yuv420p", interpolation=EXACT)
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _add_silence(container: av.container.OutputContainer, seconds: int) -> None:
    stream = container.add_stream("aac", rate=8000)
    for start in range(0, 8000 * seconds, 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def read_clip(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Return a clip's frames, BGR, and their times in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    images = [frame.to_ndarray(format="bgr24", interpolation=EXACT) for frame in frames]
    return images, [frame.time for frame in frames]
