"""What becomes of a training process ends up in its run's status and log. Loads no keras."""

import errno
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pipeline.errors import UserError
from pipeline.runs import Run, ShownState

log = logging.getLogger("pipeline.training")


class TrainingStopped(BaseException):
    """Somebody asked the process to end; no error, so that nothing on the way handles it as one."""


@contextmanager
def recorded(run: Run, *claimable: ShownState) -> Iterator[None]:
    """Claim a run for this process, and write into its status how the block ends, unless well.

    SIGTERM ends the block with `TrainingStopped`.

    Args:
        run: the run.
        claimable: the states it may be in.

    Raises:
        UserError: it is in another state, or the block failed; one sentence says why.
        TrainingStopped: the process was told to end.
    """
    with _terminate_softly():
        run.claim(*claimable)
        with _log_to(run):
            try:
                yield
            except TrainingStopped:
                run.update_status(state="stopped", eta_s=None, message="Stopped by request.")
                log.info("stopped")
                raise
            except (Exception, KeyboardInterrupt) as error:
                failure = _explain(error)
                log.exception("failed: %s", failure)
                with suppress(OSError):  # on a full disk; it is shown as interrupted then
                    run.update_status(state="failed", eta_s=None, message=str(failure))
                raise failure from error


def _explain(error: BaseException) -> UserError:
    if isinstance(error, UserError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return UserError("The training was interrupted from the keyboard.")
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return UserError("The memory is exhausted: take a smaller batch or input size.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError("The disk is full: free some space, then resume the run.")
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


@contextmanager
def _terminate_softly() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TrainingStopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
