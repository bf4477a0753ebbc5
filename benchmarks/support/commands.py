"""Commands of the project in a process of their own, and what they cost."""

import os
import subprocess
import sys
import time
from typing import NamedTuple


class Cost(NamedTuple):
    """What a command took, the start of Python included; memory in MB of 2**20 bytes."""

    seconds: float
    cpu_s: float
    peak_mb: float


def run_pipeline(*arguments: str) -> Cost:
    """Run `python -m pipeline …` without its output; end this script if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"python -m pipeline {' '.join(arguments)} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)
