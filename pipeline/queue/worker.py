"""The process that hands queued runs to the engine. Loads no keras."""

import time
from contextlib import suppress

from filelock import Timeout

from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.queue.engines import ENGINES, Handle, Unreachable, engine_named
from pipeline.queue.notices import send_notice
from pipeline.queue.settings import queue_settings
from pipeline.runs import Run, RunTable

_POLL_S = 0.5


def work() -> None:
    """Train queued runs until there are none, and wait for the end of jobs.

    Returns at once if another worker is alive.
    """
    while queue.needs_worker(RunTable().rows()):
        try:
            with queue.worker_lock():
                _work()
        except Timeout:
            return


def _work() -> None:
    """Start queued runs as long as fewer than `max_parallel_runs` train.

    Runs of this machine that this worker did not start count too: those in the foreground, or
    started by a worker that was killed. Jobs of such a worker are polled again.
    """
    table = RunTable()
    handles = [Handle.of(row.run, row.status) for row in table.rows() if queue.is_job(row.status)]
    while True:
        ended = [handle for handle in handles if ENGINES[handle.engine].poll(handle)]
        handles = [handle for handle in handles if handle not in ended]
        for handle in ended:
            send_notice(handle.run)
        started = {handle.run.name for handle in handles}
        queued = [run for run in queue.queued_runs(table) if run.name not in started]
        if not queued and not handles:
            return
        running = {row.run.name for row in table.rows() if row.status.process()}
        settings = queue_settings()
        new: list[Handle] = []
        if queued and len(handles) + len(running - started) < settings.max_parallel_runs:
            with suppress(FileNotFoundError):  # deleted at this moment
                new = _start(queued[0], settings.engine)
        if not new:
            time.sleep(_POLL_S)
        handles += new


def _start(run: Run, engine: str) -> list[Handle]:
    """Start a run; one that its engine does not take is interrupted, and can be resumed.

    It stays queued as long as the engine cannot be reached.
    """
    try:
        return [engine_named(engine).start(run)]
    except Unreachable as error:
        with run.locked():
            status = run.status()
            if status.state == "queued" and status.message != error.on_page:
                run.update_status(message=error.on_page)
        return []
    except UserError as error:
        with run.locked():
            run.interrupt(error.on_page)
        send_notice(run)
        return []
