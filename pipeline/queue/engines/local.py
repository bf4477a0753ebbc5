"""The engine of one machine: a process for each run. Loads no keras."""

import signal
import subprocess
import sys

import psutil

from pipeline.errors import UserError
from pipeline.jobs import last_line
from pipeline.queue.engines.engine import Handle
from pipeline.runs import Run


class LocalEngine:
    """Trains runs in processes of this machine that are children of the worker."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, run: Run) -> Handle:
        """Start the process; its standard output and error go to the run's log."""
        with run.log_path.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "train-run", run.name],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._processes[run.name] = process
        return Handle(run, "local", str(process.pid))

    def poll(self, handle: Handle) -> bool:
        """Return whether the process has ended; if it has not recorded that, do so now."""
        process = self._processes[handle.run.name]
        code = process.poll()
        if code is None:
            return False
        with handle.run.locked():
            _record_end(handle.run, process.pid, code)
        return True

    def stop(self, handle: Handle) -> None:
        """Send SIGTERM; on another machine the process itself reads the request."""
        process = handle.run.process()
        if process is None:
            return handle.run.ask_to_stop(now=True)
        try:
            process.terminate()
        except psutil.AccessDenied as error:
            raise UserError(
                f"Run '{handle.run.name}' is trained by another user's process, which only that "
                "user can stop at once: stop it after its epoch."
            ) from error


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
