"""Frames per second of the command `video`, and its memory for a short and a long video.

Run: python benchmarks/video.py

Claims, with a bundled model on a 640x480 clip of 30 frames per second with one face:
- On 2 idle cores, `video` is faster than playback, without the start of Python: at least
  30 frames per second.
- Its peak memory for 200 s is at most 20 MB above that for 20 s.
"""

import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from support.claims import check
from support.commands import Cost, run_pipeline

MODEL = "custom_cnn"
FPS = 30
SHORT_S, LONG_S = 20, 200
MIN_FPS = 30
MAX_GROWTH_MB = 20


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        one, short, long = (
            annotate(write_clip(Path(folder), frames))
            for frames in (1, SHORT_S * FPS, LONG_S * FPS)
        )
    frames = LONG_S * FPS - 1
    fps = frames / (long.seconds - one.seconds)
    cpu_ms = 1000 * (long.cpu_s - one.cpu_s) / frames
    print(f"640x480 with one face, {MODEL}, on {os.cpu_count()} cores")
    print(f"  {one.seconds:.1f} s for one frame, {long.seconds:.1f} s for {frames + 1:,}")
    holds = [
        check(
            f"{fps:.0f} frames/s, {cpu_ms:.0f} ms of CPU each",
            fps >= MIN_FPS,
            f"at least {MIN_FPS}",
        ),
        check(
            f"peak {short.peak_mb:.0f} MB for {SHORT_S} s, {long.peak_mb:.0f} MB for {LONG_S} s",
            long.peak_mb - short.peak_mb <= MAX_GROWTH_MB,
            f"at most {MAX_GROWTH_MB} MB more",
        ),
    ]
    sys.exit(int(not all(holds)))


def write_clip(folder: Path, frames: int) -> Path:
    """Write an MP4 of a face that sways from side to side."""
    still_bgr = np.full((480, 640, 3), 90, np.uint8)
    portrait = cv2.cvtColor(skimage.data.astronaut()[:300, 80:380], cv2.COLOR_RGB2BGR)
    still_bgr[70:370, 170:470] = portrait
    path = folder / f"{frames}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for index in range(frames):
            moved = np.roll(still_bgr, round(40 * np.sin(index / 15)), axis=1)
            frame = av.VideoFrame.from_ndarray(moved, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def annotate(source: Path) -> Cost:
    """Annotate a video in a process of its own."""
    target, table = (str(source.with_name(f"{source.stem}-out{end}")) for end in (".mp4", ".csv"))
    return run_pipeline("video", MODEL, str(source), target, "--csv", table)


if __name__ == "__main__":
    main()
