"""How fast and how frugal the import of FER-2013's CSV is.

Run: python benchmarks/import.py [CSV]      without a CSV, drawn faces are written to one
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.readers.pixels import parse_pixels
from pipeline.data.sample import draw_face
from pipeline.labels import EMOTIONS

ROWS = 5000
ROUNDS = 5
LEAST_RATIO = 4
MOST_MEGABYTES = 1024
IMPORT = (
    "import sys; from pathlib import Path; from pipeline.data.importing import import_dataset; "
    "print(f'{import_dataset(Path(sys.argv[1]), \"benchmark\").faces:,}')"
)


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else draw_csv(Path(folder) / "drawn.csv")
        ratio = compare_parsing(read_pixels(source))
        megabytes = measure_import(source, Path(folder) / "workspace")
    sys.exit(int(ratio < LEAST_RATIO or megabytes > MOST_MEGABYTES))


def draw_csv(path: Path) -> Path:
    """Write drawn faces as FER-2013's CSV."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for number in range(ROWS):
            label = number % len(EMOTIONS)
            pixels = " ".join(map(str, draw_face(EMOTIONS[label], rng).ravel()))
            file.write(f"{label},{pixels},Training\n")
    return path


def read_pixels(source: Path) -> list[str]:
    """Read the pixel texts of the first rows."""
    with source.open(newline="") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [row["pixels"] for row, _ in zip(rows, range(ROWS), strict=False)]


def compare_parsing(texts: list[str]) -> float:
    """Time ours beside the usual way on the same rows, by turns, and return how often faster."""
    ours, usual = float("inf"), float("inf")
    for _ in range(ROUNDS):
        ours = min(ours, seconds_of(lambda: parse_pixels(texts)))
        usual = min(usual, seconds_of(lambda: [np.array(p.split(), np.uint8) for p in texts]))
    expected = np.array([np.array(text.split(), np.uint8) for text in texts[:100]])
    np.testing.assert_array_equal(parse_pixels(texts[:100]).reshape(-1, 2304), expected)
    print(f"parsing {len(texts):,} rows, best of {ROUNDS}, by turns")
    print(f"  [np.array(p.split(), np.uint8) for p in pixels]   {usual:.3f} s")
    print(f"  parse_pixels, which also checks them              {ours:.3f} s")
    print(f"  ratio {usual / ours:.1f} (promised: at least {LEAST_RATIO})")
    return usual / ours


def seconds_of(work: Callable[[], Any]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_import(source: Path, workspace: Path) -> float:
    """Import in a process of its own, and return its peak memory in MB (2**20 bytes)."""
    start = time.perf_counter()
    faces = subprocess.run(
        [sys.executable, "-c", IMPORT, str(source)],
        env={**os.environ, "EMOTION_WORKSPACE": str(workspace)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1024**2
    print(f"importing {source.name} ({source.stat().st_size / 1e6:.0f} MB, {faces} faces)")
    print(f"  {seconds:.1f} s with the start of Python; peak memory {megabytes:.0f} MB")
    print(f"  (promised: at most {MOST_MEGABYTES} MB)")
    return megabytes


if __name__ == "__main__":
    main()
