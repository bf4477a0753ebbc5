"""A run: the paths in its folder, the records in its files, its state and its removal.

Loads no keras.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
import psutil
from filelock import Timeout
from pydantic import BaseModel, ValidationError

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.jobs import ProcessId
from pipeline.locks import CLAIM_LOST_S, locked
from pipeline.runs.history import read_history
from pipeline.runs.records import (
    Calibration,
    Notes,
    RunConfig,
    RunState,
    Speed,
    Status,
    evaluation_name,
)
from pipeline.runs.salvage import salvage
from pipeline.storage import folder_size, on_network, partial_path, write_json
from pipeline.workspace import ZOO, evaluation_folder, workspace

Record = TypeVar("Record", bound=BaseModel)

STATUS_LOST = "status.json is missing or damaged."
"""The message of a run whose status cannot be read."""

_LET_GO_S = 2.0
"""How long a process that has just ended a training may still hold its lock."""

_STATUS_LOCK = threading.RLock()
"""Held while a status is changed: the heartbeat is written by a thread of its own."""

_BEFORE_FIRST_STEP = {
    **dict.fromkeys(("step", "steps"), 0),
    **dict.fromkeys(("loss", "accuracy", "images_per_s", "eta_s")),
}
"""The fields of a status that describe the current epoch, before its first step."""


class Run:
    """A training run, an imported model, an ensemble, or a bundled model.

    Args:
        path: the folder; its name is the run's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._written_status: Status | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    # Paths

    @property
    def bundled(self) -> bool:
        """Whether this is a model of the zoo, whose folder is never written to."""
        return self.path.parent == ZOO

    @property
    def config_path(self) -> Path:
        """The configuration, see `RunConfig`."""
        return self.path / "config.json"

    @property
    def status_path(self) -> Path:
        """State and progress, see `Status`."""
        return self.path / "status.json"

    @property
    def notes_path(self) -> Path:
        """Display name, note, tags and experiment, see `Notes`."""
        return self.path / "notes.json"

    @property
    def weights_path(self) -> Path:
        """The Keras model of a run, or the float16 weights of a bundled one."""
        return self.path / ("model.weights.h5" if self.bundled else "model.keras")

    @property
    def openvino_path(self) -> Path:
        """The exported float32 OpenVINO model."""
        return self.path / "openvino" / "model.xml"

    @property
    def int8_path(self) -> Path:
        """The OpenVINO model quantized to int8, if there is one."""
        return self.openvino_path.with_name("int8.xml")

    @property
    def search_path(self) -> Path:
        """The preprocessings and label orders that an imported model was tried with."""
        return self.path / "search.json"

    @property
    def golden_path(self) -> Path:
        """Golden outputs of a bundled model: synthetic faces and their probabilities."""
        return self.path / "golden.npz"

    @property
    def tensorboard_path(self) -> Path:
        """The training curves for TensorBoard, if they were asked for."""
        return self.path / "tensorboard"

    @property
    def exports_path(self) -> Path:
        """The folder for exports in other formats; of a bundled model in the workspace."""
        return workspace() / "exports" / self.name if self.bundled else self.path / "exports"

    @property
    def exported(self) -> bool:
        """Whether the exported float32 model exists."""
        path = self.openvino_path
        return path.is_file() and path.with_suffix(".bin").is_file()

    @property
    def calibration_path(self) -> Path:
        """The temperature; of a bundled model the one fitted in this workspace."""
        return self._results_folder / "calibration.json"

    @property
    def speed_path(self) -> Path:
        """The time per face on this machine, see `Speed`."""
        return self._results_folder / "speed.json"

    @property
    def history_path(self) -> Path:
        """One row per finished epoch, see `read_history`."""
        return self.path / "history.csv"

    @property
    def exclusions_path(self) -> Path:
        """The run's copy of its exclusion list, if it has one."""
        return self.path / "exclusions.csv"

    @property
    def log_path(self) -> Path:
        """The output of the training process."""
        return self.path / "train.log"

    @property
    def checkpoint_path(self) -> Path:
        """The training checkpoint; runs of older versions have it in the folder `state`."""
        path, older = self.path / "checkpoint" / "training.npz", self.path / "state/training.npz"
        return older if older.is_file() and not path.is_file() else path

    @property
    def stop_path(self) -> Path:
        """A file that asks the training to stop, see `ask_to_stop`."""
        return self.path / "stop"

    @property
    def _results_folder(self) -> Path:
        """The folder for results about the model; of a bundled model in the workspace."""
        return evaluation_folder() / self.name if self.bundled else self.path

    @property
    def _evaluations_folder(self) -> Path:
        return self._results_folder if self.bundled else self.path / "evaluation"

    def evaluation_paths(self) -> list[Path]:
        """Return the folders of all evaluations; those in the workspace replace bundled ones."""
        found: dict[str, Path] = {}
        for root in (self._evaluations_folder, self.path / "evaluation"):
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                if path.is_dir():
                    found.setdefault(path.name, path)
        return list(found.values())

    def evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return the folder of an evaluation; if there is none, where to write it.

        The arguments are those of `evaluation_name`.
        """
        new = self.new_evaluation_path(fingerprint, split, exclusion)
        return next((path for path in self.evaluation_paths() if path.name == new.name), new)

    def new_evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return where to write an evaluation; for a bundled model in the workspace."""
        return self._evaluations_folder / evaluation_name(fingerprint, split, exclusion)

    def disk_usage(self) -> int:
        """Return the size of the run's files in bytes."""
        return folder_size(self.path)

    # Records

    def config(self) -> RunConfig:
        """Read the configuration.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            return RunConfig.model_validate_json(self.config_path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(
                f"Run '{self.name}' has no readable config.json ({_reason(error)})."
            ) from error

    def train_config(self) -> TrainConfig:
        """Read the configuration of the training.

        Raises:
            UserError: the file is missing or damaged, or the model was not trained here.
        """
        config = self.config()
        if config.train is None:
            kind = {"imported": "an imported model", "ensemble": "an ensemble"}[config.kind]
            raise UserError(f"'{self.name}' is {kind}: this needs a model that was trained here.")
        return config.train

    def write_config(self, config: RunConfig) -> None:
        """Replace the configuration."""
        write_json(self.config_path, config.model_dump(mode="json"))

    def uses(self, dataset: str) -> bool:
        """Return whether the run trains on a data set of this name."""
        try:
            return self.config().dataset == dataset
        except UserError:
            return False

    def notes(self) -> Notes:
        """Read the notes; of a damaged file, the fields that can be read."""
        return _read(Notes, self.notes_path) or salvage(Notes, self.notes_path, {})

    def write_notes(self, notes: Notes) -> None:
        """Replace the notes.

        Raises:
            UserError: it is a bundled model.
        """
        self._check_not_bundled()
        write_json(self.notes_path, notes.model_dump())

    def change_notes(self, **changes: object) -> None:
        """Change some fields of the notes; the others stay, also if they change at this moment.

        Raises:
            UserError: it is a bundled model.
        """
        with self.locked():
            self.write_notes(Notes.model_validate({**self.notes().model_dump(), **changes}))

    def calibration(self) -> Calibration | None:
        """Read the temperature; one fitted in the workspace replaces a bundled one."""
        bundled = self.path / "calibration.json"
        return _read(Calibration, self.calibration_path) or _read(Calibration, bundled)

    def write_calibration(self, calibration: Calibration) -> None:
        """Replace the temperature."""
        self.calibration_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.calibration_path, calibration.model_dump())

    def speed(self) -> Speed | None:
        """Read the time per face; None if it was not measured on this machine."""
        return _read(Speed, self.speed_path)

    def write_speed(self, speed: Speed) -> None:
        """Replace the time per face."""
        self.speed_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.speed_path, speed.model_dump())

    def history(self) -> pd.DataFrame:
        """Read the finished epochs, see `read_history`."""
        return read_history(self.history_path)

    def invalidate_results(self) -> None:
        """Delete the export and all results, because the model has changed."""
        for path in (self.openvino_path.parent, self.exports_path, self.path / "evaluation"):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.calibration_path, self.speed_path):
            path.unlink(missing_ok=True)

    # State

    def status(self) -> Status:
        """Read the status; of a damaged file, the fields that can be read.

        A run whose state cannot be read counts as failed.
        """
        lost = {"state": "failed", "message": STATUS_LOST}
        path = self.status_path
        return _read(Status, path) or salvage(Status, path, lost)

    def write_status(self, status: Status) -> None:
        """Replace the status; it is the heartbeat of a run that this process trains."""
        if status.of_this_process():
            status = status.model_copy(update={"heartbeat": time.time()})
        write_json(self.status_path, status.model_dump())
        self._written_status = status

    def update_status(self, **changes: object) -> None:
        """Change some fields of the status; a damaged file is replaced by the last one written."""
        with _STATUS_LOCK:
            before = _read(Status, self.status_path) or self._written_status or self.status()
            self.write_status(Status.model_validate({**before.model_dump(), **changes}))

    def process(self) -> psutil.Process | None:
        """Return the living process of this machine that trains it, see `Status.process`."""
        return self.status().process()

    def state(self) -> RunState:
        """Return the state; a running one whose process is gone is `interrupted`."""
        return self.status().current_state()

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold the lock of the one process that trains this run.

        Raises:
            UserError: another process holds it, whatever the status says.
        """
        wait_s = _LET_GO_S + CLAIM_LOST_S * on_network(self.path)
        try:
            with locked(self.path / "training.lock", timeout_s=wait_s):
                yield
        except Timeout:
            raise UserError(
                f"Run '{self.name}' is being trained by another process: wait for its end, or "
                "stop it first."
            ) from None

    def claim(self, *allowed: RunState, config: RunConfig | None = None) -> None:
        """Mark the run as running in this process; does nothing if it is already.

        Args:
            allowed: the states it may be in.
            config: replaces the configuration, such as for more epochs.

        Raises:
            UserError: it is in none of the allowed states.
        """
        this_process = ProcessId.of(os.getpid())
        with self.locked():
            process = self.process()
            if process is not None and process.pid == this_process.pid:
                return
            self._check_state(allowed)
            self._extend(config)
            self.stop_path.unlink(missing_ok=True)
            identity = {
                "pid": this_process.pid,
                "process_started": this_process.started,
                "host": socket.gethostname(),
            }
            if self.state() != "queued":  # no engine has started this process
                identity |= {"engine": "local", "job": "", "address": ""}
            self.update_status(state="running", message="", **identity, **_BEFORE_FIRST_STEP)

    def enqueue(self, *allowed: RunState, config: RunConfig | None = None) -> None:
        """Queue the run again, after all that are queued already.

        The arguments are those of `claim`.

        Raises:
            UserError: it is in none of the allowed states.
        """
        with self.locked():
            self._check_state(allowed)
            self._extend(config)
            none = {"eta_s": None, "message": "", "engine": "local", "job": "", "address": ""}
            self.update_status(state="queued", queued_at=time.time(), **none)

    def interrupt(self, message: str) -> None:
        """Record that no process trains the run any more, or will; it can be resumed.

        Args:
            message: why, a sentence for people.
        """
        none = {"pid": None, "process_started": None, "heartbeat": 0.0, "job": ""}
        self.update_status(state="running", eta_s=None, message=message, **none)

    def ask_to_stop(self, *, now: bool = False, reason: str = "") -> None:
        """Ask the process that trains the run to stop, on whichever machine it is.

        Args:
            now: whether within seconds; else after the current epoch.
            reason: the message of the stopped run, a sentence; empty for the usual one.
        """
        self.stop_path.write_text(f"{'now' if now else ''}\n{reason}")

    def asked_to_stop_now(self) -> bool:
        """Return whether the process that trains the run shall stop within seconds."""
        return self._stop_request()[0] == "now"

    def stop_reason(self) -> str:
        """Return the message of a run that was asked to stop, see `ask_to_stop`."""
        return self._stop_request()[2] or "Stopped by request."

    def _stop_request(self) -> tuple[str, str, str]:
        try:
            return self.stop_path.read_text().partition("\n")
        except OSError:
            return "", "", ""

    def _extend(self, config: RunConfig | None) -> None:
        if config is not None and config.train is not None:
            self.write_config(config)
            self.update_status(epochs=config.train.total_epochs)

    def remove(self) -> None:
        """Delete the run; if the process is killed meanwhile, no partial run is listed.

        Raises:
            UserError: it is a bundled model, it is being trained, or it is gone already.
        """
        self._check_removable()
        with self.training(), self.locked():  # in this order: the first may take a minute
            self._check_removable()
            hidden = self.path.rename(partial_path(self.path))
        shutil.rmtree(hidden)

    def _check_removable(self) -> None:
        self._check_not_bundled()
        if not self.path.is_dir():
            raise UserError(f"Run '{self.name}' has been removed already.")
        status = self.status()
        if status.alive():
            where = f" on {status.host}" if status.elsewhere() else ""
            raise UserError(f"Run '{self.name}' is being trained{where}: stop it first.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace's lock, so that no other process changes the state of a run."""
        with locked(workspace() / "runs.lock"):
            yield

    def _check_state(self, allowed: Sequence[RunState]) -> None:
        if self.state() not in allowed:
            raise UserError(
                f"Run '{self.name}' is {self.state()}; this needs one that is "
                f"{' or '.join(allowed)}."
            )

    def _check_not_bundled(self) -> None:
        if self.bundled:
            raise UserError(f"'{self.name}' is a bundled model and stays as it is.")


def _read(record: type[Record], path: Path) -> Record | None:
    """Read a record; None if the file is missing or damaged."""
    try:
        return record.model_validate_json(path.read_text())
    except (OSError, ValueError):
        return None


def _reason(error: OSError | ValueError) -> str:
    """Return what is wrong with a file, in a few words."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        return f"{where}: {reason}" if where else reason
    return str(error)
