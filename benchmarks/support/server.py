"""A page served by Streamlit in a process of its own, and the resources it uses."""

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

DASHBOARD = PROJECT / "dashboard" / "Home.py"
# `streamlit run`, but SIGUSR1 writes the names of all threads to the log.
RUN = """
import json, signal, sys, threading
from streamlit.web.cli import main
def list_threads(*_): print(json.dumps([t.name for t in threading.enumerate()]), flush=True)
signal.signal(signal.SIGUSR1, list_threads)
sys.argv[0] = "streamlit"
main()
"""
OPTIONS = "--server.headless=true --server.address=127.0.0.1 --browser.gatherUsageStats=false"


class Resources(NamedTuple):
    """Resources of a process.

    Args:
        memory_mb: resident memory, without that of child processes, in 2**20 bytes.
        threads: Python's and libraries'.
        files: open files and sockets.
    """

    memory_mb: float
    threads: int
    files: int


@dataclass(frozen=True)
class Server:
    """A served page."""

    url: str
    process: psutil.Process
    log: Path

    def resources(self) -> Resources:
        """Return what the process uses now."""
        memory_mb = self.process.memory_info().rss / 2**20
        return Resources(memory_mb, self.process.num_threads(), self.process.num_fds())

    def live_workers(self) -> int:
        """Return the number of worker threads of live videos."""
        begin = self.log.stat().st_size
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(100):
            time.sleep(0.02)
            with self.log.open() as log:
                log.seek(begin)
                lines = [line for line in log if line.startswith("[") and line.endswith("]\n")]
            if lines:
                return int(json.loads(lines[-1]).count("live"))
        raise TimeoutError(f"{self.url} did not list its threads")


@contextmanager
def serve(workspace: Path, script: Path = DASHBOARD) -> Iterator[Server]:
    """Serve the dashboard, or another page, on a free port."""
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
