"""Runs wait their turn: first come first served, one at a time or as many as the workspace says.

Starts a run by its folder and knows nothing else of training; loads no keras.
"""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import UserError
from pipeline.processes import start_pipeline
from pipeline.runs import Notes, Run, RunRow, RunTable
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.training.resume import RESUMABLE, check_resumable, extend
from pipeline.workspace import workspace, write_json

MOST_AT_ONCE = 16
_WORKER_STARTS_IN_S = 10


def submit(config: TrainConfig, notes: Notes | None = None) -> Run:
    """Queue a run and see to it that a worker is there to take it.

    Args:
        config: its configuration.
        notes: what to note of it from the first.

    Raises:
        UserError: there is no such data set or exclusion list, or the run cannot be written.
    """
    run = new_run(config, notes=notes)
    start_worker()
    return run


def resume(run: Run, epochs: str | int | None = None) -> None:
    """Queue a run that ended, so that it goes on after its last finished epoch.

    Args:
        run: the run.
        epochs: the field `epochs` from now on; a finished run needs more than it has.

    Raises:
        UserError: it cannot go on, see `check_resumable`.
    """
    extend(run, check_resumable(run, epochs))
    run.enqueue(*RESUMABLE)
    start_worker()


def start_worker() -> None:
    """Start a worker; where one is alive already, the new one leaves at once.

    Raises:
        UserError: its log cannot be written.
    """
    log = _worker_log()
    try:
        start_pipeline(["work"], log)
        log.touch()  # notes the time, see `_worker_alive`
    except OSError as error:
        raise UserError(
            f"The queue cannot start, its log {log} cannot be written ({error.strerror or error}): "
            "free some space there, or let it be written to."
        ) from error


def tend(rows: Iterable[RunRow]) -> None:
    """Start a worker where runs wait and none is alive, as after a restart of the machine.

    Args:
        rows: all runs of the workspace.

    Raises:
        UserError: the worker's log cannot be written.
    """
    if in_turn(rows) and not _worker_alive():
        start_worker()


def _worker_alive() -> bool:
    """Tell whether a worker holds the lock, or one was started that will have had no time to."""
    with suppress(OSError):
        if time.time() - _worker_log().stat().st_mtime < _WORKER_STARTS_IN_S:
            return True
    try:
        with worker_lock():  # a worker that leaves because of this is made good by the caller
            return False
    except Timeout:
        return True


def worker_lock() -> FileLock:
    """Return the lock that a worker holds; taking it raises `filelock.Timeout` where one does."""
    return FileLock(workspace() / "queue.lock", timeout=0)


def _worker_log() -> Path:
    return workspace() / "worker.log"


def stop(run: Run, *, now: bool = True) -> None:
    """Stop a run: a queued one never starts; it can be resumed in any case.

    Args:
        run: the run.
        now: a running one ends within a step, and its broken epoch is lost; else it ends after the
            present epoch, unless that is its last.

    Raises:
        UserError: it is neither queued nor running.
    """
    with run.locked():
        process = run.process()
        if process is not None and now:
            process.terminate()
        elif process is not None:
            run.stop_path.touch()
        elif run.state() == "queued":
            run.update_status(state="stopped", message="Stopped before it began.")
        else:
            raise UserError(f"Run '{run.name}' is {run.state()}: there is nothing to stop.")


def waiting(table: RunTable | None = None) -> list[Run]:
    """Return the queued runs, the next one first.

    Args:
        table: where to look them up, for callers that look often.
    """
    return [row.run for row in in_turn((table or RunTable()).rows())]


def in_turn(rows: Iterable[RunRow]) -> list[RunRow]:
    """Return those of some runs that are queued, the next one first."""
    queued = [row for row in rows if row.status.state == "queued"]
    return sorted(queued, key=lambda row: (row.status.queued_at, row.run.name))


def move(run: Run, place: int) -> None:
    """Give a queued run another place among those that wait.

    Args:
        run: the run.
        place: its place, counted from 1; beyond the last it becomes the last.

    Raises:
        UserError: it is not queued, or there is no such place.
    """
    if place < 1:
        raise UserError(f"There is no place {place} in the queue: places are counted from 1.")
    with run.locked():
        before = waiting()
        if run.name not in [other.name for other in before]:
            raise UserError(f"Run '{run.name}' is {run.state()}: only queued runs can be moved.")
        after = [other for other in before if other.name != run.name]
        after.insert(place - 1, run)
        earliest = min(other.status().queued_at for other in before)
        for number, other in enumerate(after):
            other.update_status(queued_at=earliest + number / 1e3)


def at_once() -> int:
    """Return how many queued runs may train at the same time."""
    try:
        return min(MOST_AT_ONCE, max(1, int(json.loads(_settings().read_text())["at_once"])))
    except (OSError, ValueError, KeyError, TypeError):
        return 1


def set_at_once(count: int) -> None:
    """Let so many queued runs train at the same time, also in a worker that is at it already.

    Raises:
        UserError: the number is not from 1 to 16, or cannot be written.
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise UserError(f"{count} runs at once is wrong: take 1 to {MOST_AT_ONCE}.")
    try:
        workspace().mkdir(parents=True, exist_ok=True)
        write_json(_settings(), {"at_once": count})
    except OSError as error:
        raise UserError(
            f"{_settings()} cannot be written ({error.strerror or error}): free some space there, "
            "or let it be written to."
        ) from error


def _settings() -> Path:
    return workspace() / "queue.json"
