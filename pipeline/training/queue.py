"""Runs wait their turn: one at a time a workspace, first come first served.

Starts a run by its folder and knows nothing else of training; loads no keras.
"""

import subprocess
import sys

from filelock import FileLock, Timeout

from pipeline.errors import UserError
from pipeline.processes import last_line, start_pipeline
from pipeline.runs import Run, list_runs
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.workspace import workspace


def submit(config: TrainConfig) -> Run:
    """Queue a run and see to it that a worker is there to take it.

    Raises:
        UserError: there is no such data set or exclusion list.
    """
    run = new_run(config)
    start_pipeline(["work"], workspace() / "worker.log")
    return run


def stop(run: Run) -> None:
    """Stop a run now: a queued one never starts, a running one ends within a step.

    Raises:
        UserError: it is neither queued nor running.
    """
    with run.locked():
        process = run.process()
        if process is not None:
            process.terminate()
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
    with run.log_path.open("ab") as output:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "train", "--run", run.name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if run.status().state in ("queued", "running"):
        run.update_status(
            state="failed",
            eta_s=None,
            message=f"The training process ended with code {done.returncode}: "
            f"{last_line(run.log_path) or 'it said nothing'}",
        )
