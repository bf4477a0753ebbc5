"""The process that trains queued runs, each in a process of its own. Loads no keras."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from filelock import Timeout

from pipeline.jobs import last_line
from pipeline.queue import queue
from pipeline.queue.notices import send_notice
from pipeline.runs import Run, RunTable

_POLL_S = 0.5


@dataclass(frozen=True)
class Training:
    """A run and the process that trains it."""

    run: Run
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, run: Run) -> "Training":
        """Start the process, which claims the run; its standard output and error go to the log."""
        with run.log_path.open("ab") as output:
            return cls(
                run,
                subprocess.Popen(
                    [sys.executable, "-m", "pipeline", "train-run", run.name],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                ),
            )

    def ended(self) -> bool:
        """Return whether the process has ended; if it has not recorded that, do so now."""
        code = self.process.poll()
        if code is None:
            return False
        with self.run.locked():
            _record_end(self.run, self.process.pid, code)
        return True


def work() -> None:
    """Train queued runs until there are none; return at once if another worker is alive."""
    while queue.queued_runs():
        try:
            with queue.worker_lock():
                _work()
        except Timeout:
            return


def _work() -> None:
    """Start queued runs as long as fewer than `max_parallel_runs` train.

    Runs of this machine that this worker did not start count too: those in the foreground, or
    started by a worker that was killed.
    """
    table, trainings = RunTable(), list[Training]()
    while True:
        ended = [training for training in trainings if training.ended()]
        trainings = [training for training in trainings if training not in ended]
        for training in ended:
            send_notice(training.run)
        started = {training.run.name for training in trainings}
        queued = [run for run in queue.queued_runs(table) if run.name not in started]
        if not queued and not trainings:
            return
        running = {row.run.name for row in table.rows() if row.status.process()}
        if queued and len(trainings) + len(running - started) < queue.max_parallel_runs():
            with suppress(FileNotFoundError):  # deleted at this moment
                trainings.append(Training.start(queued[0]))
        else:
            time.sleep(_POLL_S)


def _record_end(run: Run, pid: int, code: int) -> None:
    """Record how a process ended that could not do so itself.

    The run may belong to another process by now: queued again, or resumed in the foreground.
    """
    status = run.status()
    if status.state != ("running" if status.pid == pid else "queued"):
        return
    if code == -signal.SIGKILL:  # its state stays running, which shows as interrupted
        run.update_status(message="The training process was killed, perhaps for lack of memory.")
        return
    run.update_status(
        state="failed",
        eta_s=None,
        message=f"The training process ended with code {code}: "
        f"{last_line(run.log_path) or 'its log is empty'}",
    )
