"""One run: its state, and who may train or remove it. Loads no keras."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
from filelock import FileLock

from pipeline.errors import UserError
from pipeline.processes import ProcessId
from pipeline.runs.files import ShownState
from pipeline.runs.records import RunRecords
from pipeline.workspace import workspace

_NO_PACE = {
    **dict.fromkeys(("step", "steps"), 0),
    **dict.fromkeys(("loss", "accuracy", "images_per_s", "eta_s")),
}
"""What a status says of an epoch under way before its first step."""


class Run(RunRecords):
    """A training run, or a shipped model."""

    def claim(self, *claimable: ShownState) -> None:
        """Mark the run as running in this process.

        Raises:
            UserError: it is in none of the states that may be claimed, nor running here already.
        """
        here = ProcessId.of(os.getpid())
        with self.locked():
            process = self.process()
            if process is not None and process.pid == here.pid:
                return
            self._check_state(claimable)
            self.stop_path.unlink(missing_ok=True)
            identity = {"pid": here.pid, "process_started": here.started}
            self.update_status(state="running", message="", **identity, **_NO_PACE)

    def enqueue(self, *allowed: ShownState) -> None:
        """Let the run wait for its turn again, after all that wait already.

        Raises:
            UserError: it is in none of the allowed states.
        """
        with self.locked():
            self._check_state(allowed)
            self.update_status(state="queued", queued_at=time.time(), eta_s=None, message="")

    def _check_state(self, allowed: Sequence[ShownState]) -> None:
        if self.state() not in allowed:
            raise UserError(
                f"Run '{self.name}' is {self.state()}; this needs one that is "
                f"{' or '.join(allowed)}."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the state between a look and a change."""
        with FileLock(workspace() / "runs.lock"):
            yield

    def process(self) -> psutil.Process | None:
        """Return the living process that trains this run; a reused process id does not count."""
        return self.status().process()

    def state(self) -> ShownState:
        """Return the state to show: a running one whose process is gone is `interrupted`."""
        return self.status().shown()

    def remove(self) -> None:
        """Delete the run and all its files; a kill on the way leaves no half of one to be listed.

        Raises:
            UserError: it is a shipped model, or it is being trained.
        """
        self._check_ours()
        with self.locked():
            if self.process() is not None:
                raise UserError(f"Run '{self.name}' is being trained: stop it first.")
            doomed = self.path.rename(self.path.with_name(f".{self.name}"))
        shutil.rmtree(doomed)
