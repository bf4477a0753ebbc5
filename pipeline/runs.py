"""A run: the folder that training writes and everything after it reads. Loads no keras.

Shipped models are runs too; they lie in `models/zoo` and are never written to.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pandas as pd
import psutil
from filelock import FileLock
from pydantic import BaseModel

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.processes import ProcessId
from pipeline.training.config import TrainConfig
from pipeline.workspace import (
    ZOO,
    check_name,
    evaluation_folder,
    is_plain,
    runs_folder,
    workspace,
    write_json,
)

State = Literal["queued", "running", "finished", "stopped", "failed"]
ShownState = Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]
_VERSIONED = ("emotion-detector", "keras", "tensorflow", "numpy", "opencv-python-headless")


class RunConfig(BaseModel):
    """What `config.json` holds: the configuration and what it was used on and with."""

    train: TrainConfig
    dataset_fingerprint: str
    emotions: tuple[str, ...] = EMOTIONS
    input_shape: tuple[int, int, int] = (48, 48, 1)
    versions: dict[str, str] = {}


class Status(BaseModel):
    """What `status.json` holds: how far a run is. Epochs and steps count those finished."""

    state: State
    pid: int | None = None
    process_started: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    images_per_s: float | None = None
    eta_s: float | None = None
    parameters: int | None = None
    message: str = ""


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
    def log_path(self) -> Path:
        """What the training process printed."""
        return self.path / "train.log"

    @property
    def state_folder(self) -> Path:
        """What a training needs while it runs; removed when it has finished."""
        return self.path / "state"

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
            if self.state() not in claimable:
                raise UserError(
                    f"Run '{self.name}' is {self.state()}; this needs one that is "
                    f"{' or '.join(claimable)}."
                )
            self.update_status(
                state="running", pid=here.pid, process_started=here.started, message=""
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
        """Read the finished epochs, one row each, counted from 0; empty before the first.

        Lines that are no epoch are passed over, as is a file that is no table.
        """
        empty = pd.DataFrame({"epoch": pd.Series(dtype=int)})
        try:
            table = pd.read_csv(self.history_path).apply(pd.to_numeric, errors="coerce")
        except (OSError, ValueError):
            return empty
        if "epoch" not in table:
            return empty
        epochs: pd.DataFrame = table.dropna(subset="epoch").astype({"epoch": int})
        return epochs.reset_index(drop=True)

    def evaluation_paths(self) -> list[Path]:
        """Return the folders of all evaluations; one made here goes before a shipped one."""
        found: dict[str, Path] = {}
        for root in (self._evaluation_root, self.path / "evaluation"):
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                found.setdefault(path.name, path)
        return list(found.values())

    def evaluation_path(self, fingerprint: str, split: str) -> Path:
        """Return where the evaluation on a split is, or belongs if there is none."""
        new = self.new_evaluation_path(fingerprint, split)
        return next((path for path in self.evaluation_paths() if path.name == new.name), new)

    def new_evaluation_path(self, fingerprint: str, split: str) -> Path:
        """Return where an evaluation is written to, for a shipped model outside the project."""
        return self._evaluation_root / f"{fingerprint[:12]}-{split}"

    @property
    def _evaluation_root(self) -> Path:
        return evaluation_folder() / self.name if self.shipped else self.path / "evaluation"

    def uses(self, dataset: str) -> bool:
        """Tell whether the run trains on a data set of this name."""
        try:
            return self.config().train.dataset == dataset
        except UserError:
            return False

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


def create_run(config: TrainConfig, fingerprint: str, *, claimed: bool = False) -> Run:
    """Make the folder of a new run with its configuration.

    Args:
        config: the configuration.
        fingerprint: the data set's.
        claimed: the run is this process's own from the first; else it is queued.
    """
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = runs_folder() / f"{now}-{config.architecture}-{secrets.token_hex(2)}"
    partial = path.with_name(f".{path.name}")
    partial.mkdir(parents=True)
    content = RunConfig(
        train=config,
        dataset_fingerprint=fingerprint,
        versions={package: version(package) for package in _VERSIONED},
    )
    write_json(partial / "config.json", content.model_dump(mode="json"))
    Run(partial).write_status(Status(state="queued", epochs=config.total_epochs))
    if claimed:
        Run(partial).claim("queued")
    os.rename(partial, path)
    return Run(path)


def list_runs() -> list[Run]:
    """Return the workspace's runs, newest first."""
    return [Run(path) for path in sorted(_folders(runs_folder()), reverse=True)]


def list_models() -> list[Run]:
    """Return everything that can recognise: shipped models, then finished runs, newest first."""
    runs = [Run(path) for path in sorted(_folders(ZOO))] + list_runs()
    return [run for run in runs if run.exported]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in root.iterdir() if path.is_dir() and is_plain(path.name)]


def runs_using(dataset: str) -> list[Run]:
    """Return the queued and running runs that train on a data set."""
    return [
        run for run in list_runs() if run.state() in ("queued", "running") and run.uses(dataset)
    ]


def find_run(name: str) -> Run:
    """Return a run of the workspace.

    Raises:
        UserError: there is none of this name.
    """
    run = Run(runs_folder() / check_name(name))
    if not run.path.is_dir():
        raise UserError(f"Unknown run '{name}'. Choose from: {_names(list_runs())}.")
    return run


def find_model(name: str) -> Run:
    """Return a shipped model or a run by its name.

    Raises:
        UserError: there is none of this name, or it has no exported model yet.
    """
    for root in (ZOO, runs_folder()):
        run = Run(root / check_name(name))
        if run.exported:
            return run
    raise UserError(f"Unknown model '{name}'. Choose from: {_names(list_models())}.")


def _names(runs: list[Run]) -> str:
    return ", ".join(run.name for run in runs) or "none yet; train one first"
