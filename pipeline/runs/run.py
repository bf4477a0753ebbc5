"""One run: its folder, and the files in it. Loads no keras."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
from filelock import FileLock

from pipeline.errors import UserError
from pipeline.processes import ProcessId
from pipeline.runs.files import RunConfig, ShownState, Status, evaluation_name
from pipeline.runs.history import read_history
from pipeline.workspace import ZOO, evaluation_folder, workspace, write_json


class Run:
    """A run's folder and the files in it.

    Args:
        path: the folder; its name is the run's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @property
    def shipped(self) -> bool:
        """Whether this is a model of the zoo, which is never written to."""
        return self.path.parent == ZOO

    @property
    def weights_path(self) -> Path:
        """The Keras model of a run, or the float16 weights of a shipped one."""
        return self.path / ("model.weights.h5" if self.shipped else "model.keras")

    @property
    def openvino_path(self) -> Path:
        """The exported float32 OpenVINO model."""
        return self.path / "openvino" / "model.xml"

    @property
    def exported(self) -> bool:
        """Whether the exported model is there."""
        path = self.openvino_path
        return path.is_file() and path.with_suffix(".bin").is_file()

    @property
    def history_path(self) -> Path:
        """The table of finished epochs."""
        return self.path / "history.csv"

    @property
    def exclusions_path(self) -> Path:
        """The list of faces that the run leaves out, if it does."""
        return self.path / "exclusions.csv"

    @property
    def log_path(self) -> Path:
        """What the training process printed."""
        return self.path / "train.log"

    @property
    def state_path(self) -> Path:
        """What the training goes on from; of a finished one without the best epoch's weights."""
        return self.path / "state" / "training.npz"

    @property
    def stop_path(self) -> Path:
        """Lies there when somebody asked for the end after the present epoch."""
        return self.path / "stop"

    def config(self) -> RunConfig:
        """Read the configuration.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            return RunConfig.model_validate_json((self.path / "config.json").read_text())
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"Run '{self.name}' has no readable config.json ({reason}).") from error

    def write_config(self, config: RunConfig) -> None:
        """Replace the configuration, whole or not at all."""
        write_json(self.path / "config.json", config.model_dump(mode="json"))

    def status(self) -> Status:
        """Read the status; a file that cannot be read counts as failed."""
        try:
            return Status.model_validate_json((self.path / "status.json").read_text())
        except (OSError, ValueError):
            return Status(state="failed", message="status.json is missing or damaged.")

    def write_status(self, status: Status) -> None:
        """Replace the status, whole or not at all."""
        write_json(self.path / "status.json", status.model_dump())

    def update_status(self, **changes: object) -> None:
        """Change some fields of the status."""
        self.write_status(Status.model_validate({**self.status().model_dump(), **changes}))

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
            self.update_status(
                state="running", pid=here.pid, process_started=here.started, message=""
            )

    def enqueue(self, *allowed: ShownState) -> None:
        """Let the run wait for its turn again.

        Raises:
            UserError: it is in none of the allowed states.
        """
        with self.locked():
            self._check_state(allowed)
            self.update_status(state="queued", eta_s=None, message="")

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
        status = self.status()
        if status.state != "running" or status.pid is None:
            return None
        return ProcessId(pid=status.pid, started=status.process_started or 0.0).find()

    def state(self) -> ShownState:
        """Return the state to show: a running one whose process is gone is `interrupted`."""
        state = self.status().state
        return "interrupted" if state == "running" and self.process() is None else state

    def history(self) -> pd.DataFrame:
        """Read the finished epochs, see `read_history`."""
        return read_history(self.history_path)

    def evaluation_paths(self) -> list[Path]:
        """Return the folders of all evaluations; one made here goes before a shipped one."""
        found: dict[str, Path] = {}
        for root in (self._evaluation_root, self.path / "evaluation"):
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                found.setdefault(path.name, path)
        return list(found.values())

    def evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return where the evaluation on a split is, or belongs if there is none.

        The arguments are those of `evaluation_name`.
        """
        new = self.new_evaluation_path(fingerprint, split, exclusion)
        return next((path for path in self.evaluation_paths() if path.name == new.name), new)

    def new_evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return where an evaluation is written to, for a shipped model outside the project."""
        return self._evaluation_root / evaluation_name(fingerprint, split, exclusion)

    @property
    def _evaluation_root(self) -> Path:
        return evaluation_folder() / self.name if self.shipped else self.path / "evaluation"

    def uses(self, dataset: str) -> bool:
        """Tell whether the run trains on a data set of this name."""
        try:
            return self.config().train.dataset == dataset
        except UserError:
            return False

    def discard_results(self) -> None:
        """Delete what was made from the model of before: its export and its evaluations."""
        for path in (self.openvino_path.parent, self.path / "evaluation"):
            shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Delete the run and all its files.

        Raises:
            UserError: it is a shipped model, or it is being trained.
        """
        if self.shipped:
            raise UserError(f"'{self.name}' is a shipped model and stays.")
        if self.process() is not None:
            raise UserError(f"Run '{self.name}' is being trained: stop it first.")
        shutil.rmtree(self.path)
