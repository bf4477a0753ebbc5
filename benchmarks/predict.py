"""Photos per second of the command `predict`, and its memory for few and for many photos.

Run: python benchmarks/predict.py

Claims, with a bundled model on photos of a face between other things:
- On 2 idle cores, decoding and detecting on all of them is at least 1.7 times as fast as one photo
  after the other, each decoded in color and searched by a new detector.
- The peak memory of `predict` for 5,000 photos is at most 40 MB above that for 500.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from support.claims import check, check_bounds
from support.commands import run_pipeline
from support.photos import repeat_photos, write_photos

from pipeline.data.images import decode_color
from pipeline.runs import find_model
from pipeline.vision.boxes import crop_face
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.photo import PhotoDetector, recognize
from pipeline.vision.photo_files import faces_of_files
from pipeline.vision.recognizer import Recognizer

MODEL = "custom_cnn"
PHOTOS, ROUNDS = 40, 5
FEW, MANY = 500, 5000
MIN_RATIO = 1.7
MAX_GROWTH_MB = 40


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    print(f"{MODEL} on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        holds = [compare_ways(Path(folder)), measure_memory(Path(folder))]
    sys.exit(int(not all(holds)))


def compare_ways(folder: Path) -> bool:
    """Time both ways on the same photos, alternating."""
    paths = write_photos(folder / "large", PHOTOS, 1280, 960)
    recognizer = Recognizer.load(find_model(MODEL))
    ratios = []
    for _ in range(ROUNDS):
        serial = seconds_of(lambda: predict_serially(paths, recognizer))
        ours = seconds_of(lambda: predict(paths, recognizer))
        ratios.append(serial / ours)
        print(f"  one by one {PHOTOS / serial:.1f}/s, on all cores {PHOTOS / ours:.1f}/s")
    return check_bounds("ratio, median", float(np.median(ratios)), at_least=MIN_RATIO)


def predict(paths: list[Path], recognizer: Recognizer) -> None:
    """Predict as the command does."""
    for faces in faces_of_files(paths, PhotoDetector()):
        recognize(faces, recognizer)


def predict_serially(paths: list[Path], recognizer: Recognizer) -> None:
    """Predict one photo after the other; OpenCV itself uses all cores."""
    for path in paths:
        gray = cv2.cvtColor(decode_color(path.read_bytes()), cv2.COLOR_BGR2GRAY)
        boxes = HaarDetector(max(30, min(gray.shape) // 16)).detect(gray)
        recognizer.predict(np.array([crop_face(gray, box) for box in boxes]).reshape(-1, 48, 48))


def seconds_of(work: Callable[[], None]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_memory(folder: Path) -> bool:
    """Predict few and many photos, each in a process of its own."""
    photos = write_photos(folder / "small", 20, 320, 240)
    peaks = {}
    for n in (FEW, MANY):
        names = repeat_photos(folder / str(n), photos, n)
        cost = run_pipeline("predict", MODEL, str(names), "--csv", str(folder / f"{n}.csv"))
        peaks[n] = cost.peak_mb
        print(f"  predict on {n:,} photos of 320x240: {cost.seconds:.0f} s")
    return check(
        f"peak {peaks[FEW]:.0f} MB for {FEW:,} photos, {peaks[MANY]:.0f} MB for {MANY:,}",
        peaks[MANY] - peaks[FEW] <= MAX_GROWTH_MB,
        f"at most {MAX_GROWTH_MB} MB more",
    )


if __name__ == "__main__":
    main()
