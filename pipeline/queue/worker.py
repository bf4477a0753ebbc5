"""The process that hands queued runs to the engine. Loads no keras."""

import time
from contextlib import suppress

from filelock import Timeout

from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.queue.engines import ENGINES, Handle, Unreachable, engine_named
from pipeline.queue.engines.ray import known_address
from pipeline.queue.notices import send_notice
from pipeline.queue.settings import QueueSettings, queue_settings
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

    Those count that were given to the present engine and address, and what trains on this machine,
    also in the foreground, or started by a worker that was killed. Jobs of such a worker are polled
    again. What waits for another cluster, which may be gone, keeps no run from starting.
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
        settings = queue_settings()
        counted = {row.run.name for row in table.rows() if row.status.process()}
        counted |= {handle.run.name for handle in handles if _is_present(handle, settings)}
        new: list[Handle] = []
        if queued and len(counted) < settings.max_parallel_runs:
            with suppress(FileNotFoundError):  # deleted at this moment
                new = _start(queued[0], settings.engine)
        if not new:
            time.sleep(_POLL_S)
        handles += new


def _is_present(handle: Handle, settings: QueueSettings) -> bool:
    """Return whether a run was given to the engine and address that new ones are given to."""
    return handle.engine == settings.engine and handle.address in ("", known_address(settings))


def _start(run: Run, engine: str) -> list[Handle]:
    """Start a run; one that its engine does not take is interrupted, and can be resumed.

    It stays queued as long as the engine cannot be reached.
    """
    try:
        return [engine_named(engine).start(run)]
    except Unreachable as error:
        with run.locked():
            status = run.status()
            begins_to_wait = status.state == "queued" and status.message != error.on_page
            if begins_to_wait:
                run.update_status(message=error.on_page)
        if begins_to_wait:
            send_notice(run)
        return []
    except UserError as error:
        with run.locked():
            run.interrupt(error.on_page)
        send_notice(run)
        return []
