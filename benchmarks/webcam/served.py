"""A page served by Streamlit in a process of its own, and what that process takes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from pipeline.workspace import PROJECT

# `streamlit run`, but SIGUSR1 writes the names of all threads to the log.
RUN = """
import json, signal, sys, threading
from streamlit.web.cli import main
def tell(*_): print(json.dumps([thread.name for thread in threading.enumerate()]), flush=True)
signal.signal(signal.SIGUSR1, tell)
sys.argv[0] = "streamlit"
main()
"""
OPTIONS = "--server.headless=true --server.address=127.0.0.1 --browser.gatherUsageStats=false"


class Taken(NamedTuple):
    """What a process takes.

    Args:
        megabytes: resident memory, without that of processes it started, in 2**20 bytes.
        threads: of Python and of libraries.
        files: open ones and sockets.
    """

    megabytes: float
    threads: int
    files: int


@dataclass(frozen=True)
class Server:
    """A served page."""

    url: str
    process: psutil.Process
    log: Path

    def taken(self) -> Taken:
        """Return what the process takes now."""
        process = self.process
        megabytes = process.memory_info().rss / 2**20
        return Taken(megabytes, process.num_threads(), process.num_fds())

    def workers(self) -> int:
        """Return how many threads look at live videos."""
        begin = self.log.stat().st_size
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(100):
            time.sleep(0.02)
            with self.log.open() as log:
                log.seek(begin)
                lines = [line for line in log if line.startswith("[") and line.endswith("]\n")]
            if lines:
                return int(json.loads(lines[-1]).count("live"))
        raise TimeoutError(f"{self.url} did not tell its threads")


@contextmanager
def serve(script: Path, workspace: Path) -> Iterator[Server]:
    """Serve a page on a free port, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = workspace / f"{port}.log"
    command = [sys.executable, "-c", RUN, "run", str(script), f"--server.port={port}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *OPTIONS.split()],
            cwd=PROJECT,
            env={**os.environ, "EMOTION_WORKSPACE": str(workspace)},
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(url)
        yield Server(url, psutil.Process(process.pid), log)
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not start")
