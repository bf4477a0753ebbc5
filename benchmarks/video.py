"""How fast a video is recognised, and that a long one needs no more memory than a short one.

Run: python benchmarks/video.py

Claims, with the shipped model on a 640x480 clip at 30 frames a second with one face:
- On 2 cores that do nothing else, `video` is faster than the video plays, after the start of
  Python: at least 30 frames/s.
- Its peak memory for 200 s is at most 20 MB above that for 20 s.
"""

import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import skimage.data

MODEL = "custom_cnn"
RATE = 30
SHORT_S, LONG_S = 20, 200
LEAST_FRAMES_PER_S = 30.0
MOST_GROWTH_MB = 20.0


class Cost(NamedTuple):
    """What a command took; memory in MB of 2**20 bytes."""

    seconds: float
    processor_s: float
    peak_mb: float


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    with tempfile.TemporaryDirectory() as folder:
        one, short, long = (
            run_video(write_clip(Path(folder), frames))
            for frames in (1, SHORT_S * RATE, LONG_S * RATE)
        )
    frames = LONG_S * RATE - 1
    rate = frames / (long.seconds - one.seconds)
    processor_ms = 1000 * (long.processor_s - one.processor_s) / frames
    print(f"640x480 with one face, {MODEL}, on {os.cpu_count()} cores")
    print(f"  {one.seconds:.1f} s for one frame, {long.seconds:.1f} s for {frames + 1:,}")
    fast = told(
        f"{rate:.0f} frames/s, {processor_ms:.0f} ms of processor time each",
        rate >= LEAST_FRAMES_PER_S,
        f"at least {LEAST_FRAMES_PER_S:.0f}",
    )
    constant = told(
        f"peak memory {short.peak_mb:.0f} MB for {SHORT_S} s, {long.peak_mb:.0f} for {LONG_S} s",
        long.peak_mb - short.peak_mb <= MOST_GROWTH_MB,
        f"at most {MOST_GROWTH_MB:.0f} MB more",
    )
    sys.exit(int(not (fast and constant)))


def write_clip(folder: Path, frames: int) -> Path:
    """Write an MP4 of a face that sways from side to side."""
    picture_bgr = np.full((480, 640, 3), 90, np.uint8)
    portrait = cv2.cvtColor(skimage.data.astronaut()[:300, 80:380], cv2.COLOR_RGB2BGR)
    picture_bgr[70:370, 170:470] = portrait
    path = folder / f"{frames}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(frames):
            moved = np.roll(picture_bgr, round(40 * np.sin(number / 15)), axis=1)
            frame = av.VideoFrame.from_ndarray(moved, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def run_video(source: Path) -> Cost:
    """Recognise a video in a process of its own."""
    made = [str(source.with_name(f"{source.stem}-made{suffix}")) for suffix in (".mp4", ".csv")]
    words = ["video", MODEL, str(source), made[0], "--csv", made[1]]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("video failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1024**2)


def told(figure: str, kept: bool, promise: str) -> bool:
    """Print a figure, what was promised and whether it was kept; return that."""
    print(f"  {figure} (promised: {promise}): {'kept' if kept else 'MISSED'}", flush=True)
    return kept


if __name__ == "__main__":
    main()
