"""Starts `python -m pipeline …` as a process that outlives whoever started it."""

import os
import subprocess
import sys
import threading
from pathlib import Path


def start_pipeline(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command in a process session of its own.

    Args:
        arguments: what follows `python -m pipeline`.
        log: file to which both its outputs are appended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    return process
