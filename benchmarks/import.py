"""Time and memory of the import of FER-2013's CSV.

Run: python benchmarks/import.py [CSV]      without a CSV, one of synthetic faces is written

Claims:
- Parsing and checking the pixels is at least 4 times as fast as
  `[np.array(p.split(), np.uint8) for p in csv.pixels]`.
- The import takes at most 1 GB of memory.
"""

import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from support.claims import check, check_bounds
from support.commands import run_pipeline

from pipeline.data.readers.pixels import parse_pixels
from pipeline.data.sample import draw_face
from pipeline.labels import EMOTIONS

ROWS = 5000
ROUNDS = 5
MIN_RATIO = 4
MAX_MB = 1024


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EMOTION_WORKSPACE"] = f"{folder}/workspace"
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else write_csv(Path(folder) / "faces.csv")
        holds = [compare_parsing(read_pixels(source)), measure_import(source)]
    sys.exit(int(not all(holds)))


def write_csv(path: Path) -> Path:
    """Write synthetic faces as FER-2013's CSV."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for row in range(ROWS):
            label = row % len(EMOTIONS)
            pixels = " ".join(map(str, draw_face(EMOTIONS[label], rng).ravel()))
            file.write(f"{label},{pixels},Training\n")
    return path


def read_pixels(source: Path) -> list[str]:
    """Read the pixel texts of the first rows."""
    with source.open(newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [row["pixels"] for row, _ in zip(rows, range(ROWS), strict=False)]


def compare_parsing(texts: list[str]) -> bool:
    """Time both ways on the same rows, alternating."""
    ours, usual = float("inf"), float("inf")
    for _ in range(ROUNDS):
        ours = min(ours, seconds_of(lambda: parse_pixels(texts)))
        usual = min(usual, seconds_of(lambda: [np.array(p.split(), np.uint8) for p in texts]))
    expected = np.array([np.array(text.split(), np.uint8) for text in texts[:100]])
    np.testing.assert_array_equal(parse_pixels(texts[:100]).reshape(-1, 2304), expected)
    print(f"parsing {len(texts):,} rows, best of {ROUNDS}, alternating")
    print(f"  [np.array(p.split(), np.uint8) for p in pixels]   {usual:.3f} s")
    print(f"  parse_pixels, which also checks them              {ours:.3f} s")
    return check_bounds("ratio", usual / ours, at_least=MIN_RATIO)


def seconds_of(work: Callable[[], Any]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_import(source: Path) -> bool:
    """Import in a process of its own."""
    cost = run_pipeline("import", str(source), "--name", "benchmark")
    print(f"importing {source.name} ({source.stat().st_size / 1e6:.0f} MB)")
    return check(
        f"{cost.seconds:.1f} s with the start of Python, peak memory {cost.peak_mb:.0f} MB",
        cost.peak_mb <= MAX_MB,
        f"at most {MAX_MB} MB",
    )


if __name__ == "__main__":
    main()
