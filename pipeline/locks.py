"""Locks between processes, also of several machines that share a network's file system."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, StrictSoftFileLock, Timeout

from pipeline.storage import cannot_write, on_network

CLAIM_LOST_S = 60.0
"""The age from which a claim that was not renewed belongs to a process that is gone."""

_RENEW_S = 10.0
_POLL_S = 0.1


def lock_kind(folder: Path) -> str:
    """Return how `locked` locks in a folder, in words."""
    return "claim files" if on_network(folder) else "the system's locks (flock)"


def may_be_held(path: Path) -> bool:
    """Return whether a process may hold a lock file; asking leaves nothing new behind."""
    return path.is_file() or bool(_claims(path).claims)


def holder(path: Path) -> str:
    """Return who holds a lock file: a process of a machine, or the command that tells it."""
    if not on_network(path.parent):
        return f"fuser {path}"
    claims = [each for each in _claims(path).claims if each.state == "held"]
    holders = [f"process {each.pid} on {each.hostname}" for each in claims]
    return ", ".join(holders) or "it has just ended"


@contextmanager
def locked(path: Path, timeout_s: float = -1) -> Iterator[None]:
    """Hold a lock file, so that no other process changes what it stands for.

    On a network's file system, where the system's locks may hold on one machine only, the lock is
    a claim beside the file, which its process renews. A claim that has not been renewed for
    `CLAIM_LOST_S` is removed by whoever wants the lock: each has a name of its own, so that no
    other one is hit.

    Args:
        path: the lock file, created if missing.
        timeout_s: how long to wait for another process to release it; -1 waits forever.

    Raises:
        filelock.Timeout: another process holds it.
        UserError: the file cannot be written.
    """
    try:
        if on_network(path.parent):
            lock: FileLock | StrictSoftFileLock = _claim(path, timeout_s)
        else:
            lock = FileLock(path, timeout=timeout_s)
            lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        raise cannot_write(f"The lock {path} cannot be written", error) from error
    try:
        with _renewed(lock):
            yield
    finally:
        lock.release()


def _claim(path: Path, timeout_s: float) -> StrictSoftFileLock:
    """Wait for the claim of a lock."""
    lock = _claims(path)
    deadline = time.monotonic() + timeout_s
    while True:
        with suppress(Timeout):
            lock.acquire(timeout=0)
            return lock
        if not _remove_lost(lock):
            if 0 <= timeout_s and time.monotonic() >= deadline:
                raise Timeout(str(path))
            time.sleep(_POLL_S)


def _claims(path: Path) -> StrictSoftFileLock:
    """Return the lock by claim files that stands for a lock file."""
    return StrictSoftFileLock(path.with_name(f"{path.name}.claimed"))


def _remove_lost(lock: StrictSoftFileLock) -> bool:
    """Remove the claims that were not renewed; return whether there was one."""
    lost = False
    for claim in lock.claims:
        with suppress(FileNotFoundError):  # released, or removed by another one
            if _age_s(_claim_path(lock, claim.name)) > CLAIM_LOST_S:
                lock.force_break(claim.name)
                lost = True
    return lost


def _age_s(path: Path) -> float:
    """Return when a file was renewed, by the clock of its file system: seconds ago."""
    now = path.parents[2] / f".{os.getpid()}-{threading.get_ident()}.now"
    try:
        now.touch()
        with path.open("rb") as file:  # an open file's time is never one that NFS has cached
            return now.stat().st_mtime - os.fstat(file.fileno()).st_mtime
    finally:
        now.unlink(missing_ok=True)


def _claim_path(lock: StrictSoftFileLock, name: str) -> Path:
    return Path(f"{lock.lock_file}.filelock") / "claims" / name


@contextmanager
def _renewed(lock: FileLock | StrictSoftFileLock) -> Iterator[None]:
    """Renew a claim in a thread; the system's locks need none."""
    if isinstance(lock, FileLock):
        yield
        return
    own = [each.name for each in lock.claims if each.state == "held" and each.pid == os.getpid()]
    released = threading.Event()

    def renew() -> None:
        while not released.wait(_RENEW_S):
            for name in own:
                with suppress(OSError):  # the file system is away, or the claim was lost
                    os.utime(_claim_path(lock, name))

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        released.set()
        thread.join()
