"""The process that trains queued runs, each in a process of its own. Loads no keras."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from filelock import Timeout

from pipeline.processes import last_line
from pipeline.runs import Run, RunTable
from pipeline.training import queue

_POLL_S = 0.5


@dataclass(frozen=True)
class Training:
    """A run and the process that trains it."""

    run: Run
    process: subprocess.Popen[bytes]

    @classmethod
    def begin(cls, run: Run) -> "Training":
        """Start the process, which claims the run; both its outputs go to the run's log."""
        with run.log_path.open("ab") as output:
            return cls(
                run,
                subprocess.Popen(
                    [sys.executable, "-m", "pipeline", "train", "--run", run.name],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                ),
            )

    def ended(self) -> bool:
        """Tell whether the process has ended; if it could not say how, that is noted now."""
        code = self.process.poll()
        if code is None:
            return False
        with self.run.locked():
            _note_silent_end(self.run, self.process.pid, code)
        return True


def work() -> None:
    """Train queued runs until there are none; return at once where another worker is at it."""
    while queue.waiting():
        try:
            with queue.worker_lock():
                _work()
        except Timeout:
            return


def _work() -> None:
    """Start runs as places become free.

    A run counts that trains in this workspace without being ours: one in the foreground, or one
    whose worker was killed.
    """
    table, trainings = RunTable(), list[Training]()
    while True:
        trainings = [training for training in trainings if not training.ended()]
        ours = {training.run.name for training in trainings}
        waiting = [run for run in queue.waiting(table) if run.name not in ours]
        if not waiting and not trainings:
            return
        others = sum(row.state == "running" and row.run.name not in ours for row in table.rows())
        if waiting and len(trainings) + others < queue.at_once():
            with suppress(FileNotFoundError):  # it was deleted in this moment
                trainings.append(Training.begin(waiting[0]))
        else:
            time.sleep(_POLL_S)


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
