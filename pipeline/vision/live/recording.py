"""A recording of a live video as MP4, in memory and in a thread of its own."""

import io
import queue
import threading
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.video.encode import VideoWriter

MAX_VIDEO_S = 300
MAX_VIDEO_BYTES = 50_000_000
_MAX_WAITING = 30  # frames, of about 1 MB each
_MILLISECOND = Fraction(1, 1000)
_RATE, _FRAME_MS = Fraction(30), 33


class VideoRecording:
    """Encodes the frames as they were sent back. Safe to use from any thread.

    It ends by itself after five minutes or at 50 MB. If the encoder does not keep up, frames are
    left out; the others keep their times.

    Attributes:
        seconds: how long it is so far.
        full: whether it has ended by itself.
        problem: why the encoder failed, if it did.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.full = False
        self.problem: str | None = None
        self._file = io.BytesIO()
        self._frames: queue.SimpleQueue[tuple[NDArray[np.uint8], float] | None]
        self._frames = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._encode, name="live video", daemon=True)
        self._thread.start()

    def add(self, frame_bgr: NDArray[np.uint8], now_s: float) -> None:
        """Add a frame, uint8 (h, w, 3), which must not be changed any more; never waits."""
        if self.running and self._frames.qsize() < _MAX_WAITING:
            self._frames.put((frame_bgr, now_s))

    def finish(self) -> None:
        """Let it end after the frames that wait."""
        self._frames.put(None)

    @property
    def running(self) -> bool:
        """Whether the file is not complete yet."""
        return self._thread.is_alive()

    def content(self) -> bytes:
        """Let it end, and return the MP4; empty if it has no frame."""
        self.finish()
        self._thread.join()
        return self._file.getvalue() if self.seconds else b""

    def _encode(self) -> None:
        try:
            with VideoWriter(self._file, "The recording", _RATE, _MILLISECOND, threads=1) as out:
                self._write(out)
        except Exception as error:  # the video must go on
            self.problem = f"{type(error).__name__}: {error}"

    def _write(self, out: VideoWriter) -> None:
        first_s, size, last = None, (0, 0), -1
        while (item := self._frames.get()) is not None:
            frame_bgr, now_s = item
            if first_s is None:
                first_s, size = now_s, (frame_bgr.shape[1], frame_bgr.shape[0])
            ticks = round(1000 * (now_s - first_s))
            if ticks <= last:
                continue
            out.write(_fit(frame_bgr, size), ticks, _FRAME_MS)
            last, self.seconds = ticks, (ticks + _FRAME_MS) / 1000
            if self.seconds >= MAX_VIDEO_S or self._file.tell() >= MAX_VIDEO_BYTES:
                self.full = True
                return


def _fit(frame_bgr: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a frame into a width and height, with black borders if its shape is another."""
    height, width = frame_bgr.shape[:2]
    if (width, height) == size:
        return frame_bgr
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(scale * width)), max(1, round(scale * height))
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    fitted[top : top + inner[1], left : left + inner[0]] = cv2.resize(frame_bgr, inner)
    return fitted
