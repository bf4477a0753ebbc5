"""The queue of runs: first come, first served, as many in parallel as the workspace allows.

Loads no keras.
"""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from filelock import Timeout

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.jobs import start_pipeline
from pipeline.locks import locked
from pipeline.queue.engines import ENGINES, Handle, check_installed, engine_named
from pipeline.queue.settings import change_settings
from pipeline.runs import Notes, Run, RunRow, RunTable, Status
from pipeline.storage import cannot_write
from pipeline.training.resume import RESUMABLE, check_resumable
from pipeline.training.run_setup import new_run
from pipeline.workspace import workspace

_WORKER_STARTS_IN_S = 10


def submit(config: TrainConfig, notes: Notes | None = None) -> Run:
    """Queue a run, and start a worker unless one is alive.

    Args:
        config: its configuration.
        notes: its first notes.

    Raises:
        UserError: there is no such data set or exclusion list, or the run cannot be written.
    """
    run = new_run(config, notes=notes)
    start_worker()
    return run


def resume(run: Run, epochs: str | int | None = None) -> None:
    """Queue a run that ended, to continue after its last finished epoch.

    Args:
        run: the run.
        epochs: the new value of the field `epochs`; a finished run needs more than it has.

    Raises:
        UserError: it cannot be resumed, see `check_resumable`.
    """
    run.enqueue(*RESUMABLE, config=check_resumable(run, epochs))
    start_worker()


def start_worker() -> None:
    """Start a worker; it ends at once if another one is alive.

    Raises:
        UserError: its log cannot be written.
    """
    log = _worker_log()
    try:
        start_pipeline(["work"], log)
        log.touch()  # for `worker_alive`
    except OSError as error:
        raise cannot_write(
            f"The queue cannot start, its log {log} cannot be written", error
        ) from error


def ensure_worker(rows: Iterable[RunRow]) -> None:
    """Start a worker if one is needed and none is alive, as after a restart of the machine.

    Args:
        rows: all runs of the workspace.

    Raises:
        UserError: the worker's log or lock cannot be written.
    """
    if needs_worker(rows) and not worker_alive():
        start_worker()


def needs_worker(rows: Iterable[RunRow]) -> bool:
    """Return whether some of the runs are queued, or are jobs whose end a worker records."""
    return any(row.status.state == "queued" or is_job(row.status) for row in rows)


def is_job(status: Status) -> bool:
    """Return whether an engine may train the run beyond the life of the worker that started it."""
    started = status.state in ("queued", "running")
    return started and bool(status.job) and status.engine in ENGINES


def worker_alive() -> bool:
    """Return whether a worker holds the lock, or was started too recently to hold it yet.

    Raises:
        UserError: the lock cannot be written.
    """
    with suppress(OSError):  # a clock set back makes the start lie in the future: that is no start
        if 0 <= time.time() - _worker_log().stat().st_mtime < _WORKER_STARTS_IN_S:
            return True
    try:
        with worker_lock():  # a worker that ends because of this is replaced by the caller's
            return False
    except Timeout:
        return True


def worker_lock() -> AbstractContextManager[None]:
    """Hold the lock of the workspace's one worker; `filelock.Timeout` if another has it."""
    return locked(workspace() / "queue.lock", timeout_s=0)


def _worker_log() -> Path:
    return workspace() / "worker.log"


def stop(run: Run, *, now: bool = True, reason: str = "") -> None:
    """Stop a run, which can be resumed later; a queued one never starts.

    Args:
        run: the run.
        now: whether a running one ends within a step, or within seconds on another machine or with
            a reason, without its present epoch; else it ends after that epoch, unless it is the
            last one.
        reason: the message of the stopped run, a sentence; empty for the usual one.

    Raises:
        UserError: it is neither queued nor running, or another user's process trains it.
    """
    with run.locked():
        status = run.status()
        if status.alive() and (reason or not now):
            run.ask_to_stop(now=now, reason=reason)
        elif status.alive():
            engine_named(status.engine).stop(Handle.of(run, status))
        elif status.state == "queued":
            run.update_status(state="stopped", message=reason or "Stopped before it began.")
        else:
            raise UserError(f"Run '{run.name}' is {run.state()}: there is nothing to stop.")
    if status.state == "queued" and status.job:  # without the lock, as the cluster may be slow
        with suppress(UserError):  # a job that begins all the same finds its run stopped, and ends
            engine_named(status.engine).stop(Handle.of(run, status))


def queued_runs(table: RunTable | None = None) -> list[Run]:
    """Return the queued runs, the next one first.

    Args:
        table: the table to read them from, for callers that ask often.
    """
    return [row.run for row in queued_in_order((table or RunTable()).rows())]


def queued_in_order(rows: Iterable[RunRow]) -> list[RunRow]:
    """Return the queued ones of some runs, the next one first."""
    queued = [row for row in rows if row.status.state == "queued"]
    return sorted(queued, key=lambda row: (row.status.queued_at, row.run.name))


def move(run: Run, position: int) -> None:
    """Move a queued run to another position in the queue.

    Args:
        run: the run.
        position: counted from 1; beyond the last it becomes the last.

    Raises:
        UserError: it is not queued, or there is no such position.
    """
    if position < 1:
        raise UserError(f"There is no place {position} in the queue: places are counted from 1.")
    with run.locked():
        before = queued_runs()
        if run.name not in [other.name for other in before]:
            raise UserError(f"Run '{run.name}' is {run.state()}: only queued runs can be moved.")
        after = [other for other in before if other.name != run.name]
        after.insert(position - 1, run)
        earliest = min(other.status().queued_at for other in before)
        for number, other in enumerate(after):
            other.update_status(queued_at=earliest + number / 1e3)


def set_engine(
    name: str | None = None,
    *,
    address: str | None = None,
    cpus: int | None = None,
    gpus: float | None = None,
) -> None:
    """Set what trains the queued runs from now on; those that train already stay where they are.

    Args:
        name: a key of `ENGINES`; None leaves it, as it does in all that follow.
        address: of its cluster.
        cpus: of one run on a cluster.
        gpus: of one run on a cluster.

    Raises:
        UserError: there is no such engine, its extra is not installed, or a value is wrong.
    """
    if name is not None:
        engine_named(name)
        check_installed(name)
    given = {"engine": name, "address": address, "cpus": cpus, "gpus": gpus}
    change_settings(**{field: value for field, value in given.items() if value is not None})
