"""Records in a run's status and log how its training process ends. Loads no keras."""

import errno
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pipeline.errors import UserError
from pipeline.runs import Run, RunConfig, RunState, StoredState
from pipeline.runs.records import HEARTBEAT_S
from pipeline.storage import cannot_write

log = logging.getLogger("pipeline.training")


class TrainingStopped(BaseException):
    """A requested stop; a BaseException, so that nothing handles it as an error."""


_stop_requested = threading.Event()
"""Beside the exception, which Python drops where it is raised in a finalizer or a callback of C."""


def check_stop() -> None:
    """Raise `TrainingStopped` if this process was asked to stop; for between steps and phases."""
    if _stop_requested.is_set():
        raise TrainingStopped


@contextmanager
def record_status(
    run: Run, *claimable: RunState, config: RunConfig | None = None
) -> Iterator[None]:
    """Claim a run for this process, and record in its status if the block is stopped or fails.

    SIGTERM ends the block with `TrainingStopped`, at the latest at the next `check_stop`. A run
    that is finished stays so, also if a resume fails before its first epoch.

    Args:
        run: the run.
        claimable: the states it may be in.
        config: replaces its configuration, such as for more epochs.

    Raises:
        UserError: it is in another state, or the block failed.
        TrainingStopped: the process was asked to stop.
    """
    _stop_requested.clear()
    # What this function records is not interrupted, only the block.
    with _on_sigterm(_request_stop), run.training():
        before, epochs = run.status(), len(run.history())
        run.claim(*claimable, config=config)
        with _log_to(run), _heartbeat(run):
            try:
                with _on_sigterm(_stop):
                    check_stop()
                    yield
            except (Exception, KeyboardInterrupt, TrainingStopped) as error:
                # C++ code that calls Python raises an error of its own in place of a stop.
                if isinstance(error, TrainingStopped) or _stop_requested.is_set():
                    _record_end(run, "stopped", run.stop_reason())
                    log.info("stopped")
                    raise TrainingStopped from error
                failure = _explain(error)
                log.exception("failed: %s", failure)
                unchanged = before.state == "finished" and len(run.history()) == epochs
                with suppress(OSError):  # a full disk; the run then shows as interrupted
                    _record_end(run, "finished" if unchanged else "failed", failure.on_page)
                raise failure from error


@contextmanager
def _heartbeat(run: Run) -> Iterator[None]:
    """Write the heartbeat in a thread, which also obeys a stop from another machine.

    A process that was cut off so long that another one has resumed the run stops, too.
    """
    ended = threading.Event()

    def beat() -> None:
        lost = False
        while not ended.wait(HEARTBEAT_S):
            with suppress(OSError, UserError), run.locked():  # a full disk; it may end soon
                status = run.status()
                lost = status.pid is not None and not status.of_this_process()
                if not lost and status.state == "running":
                    run.update_status()
            if (lost or run.asked_to_stop_now()) and not ended.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # its signal must not come later, to a process that no longer expects it


def _record_end(run: Run, state: StoredState, message: str) -> None:
    status = run.status()  # not running: the end was recorded before, such as by the block
    if status.state == "running" and status.of_this_process():
        run.update_status(state=state, eta_s=None, message=message)


def _explain(error: BaseException) -> UserError:
    if isinstance(error, UserError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return UserError("The training was interrupted from the keyboard.")
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return UserError("The memory is exhausted: take a smaller batch or input size.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return cannot_write(
            "The run cannot be written", error, "free some disk space, then resume the run"
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UserError(f"The training failed ({reason}): see the log.")


@contextmanager
def _log_to(run: Run) -> Iterator[None]:
    handler = logging.FileHandler(run.log_path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def _request_stop(signum: int, frame: FrameType | None) -> None:
    _stop_requested.set()


def _stop(signum: int, frame: FrameType | None) -> None:
    _stop_requested.set()
    raise TrainingStopped


@contextmanager
def _on_sigterm(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
