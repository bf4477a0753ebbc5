"""Processes that outlive whoever started them, and how one is known again later."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict


class ProcessId(BaseModel):
    """A process by its id and its start time, since the system uses ids again."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of a process; one that is gone already is never found again."""
        try:
            return cls(pid=pid, started=psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return cls(pid=pid, started=0.0)

    def find(self) -> psutil.Process | None:
        """Return the process while it lives."""
        try:
            process = psutil.Process(self.pid)
            ours = process.create_time() == self.started
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def last_line(log: Path) -> str:
    """Return the last line that was printed into a file; empty if there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def start_pipeline(arguments: list[str], log: Path) -> ProcessId:
    """Start `python -m pipeline …` in a process session of its own.

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
    identity = ProcessId.of(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    return identity
