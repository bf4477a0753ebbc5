"""Runs wait their turn: one at a time a workspace, first come first served.

Starts a run by its folder and knows nothing else of training; loads no keras.
"""

import signal
import subprocess
import sys

from filelock import FileLock, Timeout

from pipeline.errors import UserError
from pipeline.processes import last_line, start_pipeline
from pipeline.runs import Run, list_runs
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.training.resume import RESUMABLE, check_resumable, extend
from pipeline.workspace import workspace


def submit(config: TrainConfig) -> Run:
    """Queue a run and see to it that a worker is there to take it.

    Raises:
        UserError: there is no such data set or exclusion list.
    """
    run = new_run(config)
    _start_worker()
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
    _start_worker()


def _start_worker() -> None:
    start_pipeline(["work"], workspace() / "worker.log")


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


def work() -> None:
    """Train queued runs until there are none; return at once where another worker is at it."""
    while _next_queued():
        try:
            with FileLock(workspace() / "queue.lock", timeout=0):
                while run := _next_queued():
                    _train(run)
        except Timeout:
            return


def _next_queued() -> Run | None:
    waiting = [run for run in list_runs() if run.status().state == "queued"]
    return waiting[-1] if waiting else None


def _train(run: Run) -> None:
    with (
        run.log_path.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", "pipeline", "train", "--run", run.name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        code = process.wait()
    with run.locked():
        _note_silent_end(run, process.pid, code)


def _note_silent_end(run: Run, pid: int, code: int) -> None:
    """Say how a process ended that could not say so itself.

    The run may be in other hands by now: queued again, or resumed by somebody in the foreground.
    """
    status = run.status()
    if status.state != ("running" if status.pid == pid else "queued"):
        return
    if code == -signal.SIGKILL:  # it stays as if running: interrupted
        run.update_status(message="The training process was killed, perhaps for want of memory.")
        return
    run.update_status(
        state="failed",
        eta_s=None,
        message=f"The training process ended with code {code}: "
        f"{last_line(run.log_path) or 'it said nothing'}",
    )
