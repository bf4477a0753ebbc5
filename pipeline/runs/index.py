"""All runs: making, listing and finding them."""

import os
import secrets
import shutil
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import UserError
from pipeline.runs.files import Exclusion, Notes, RunConfig, Status
from pipeline.runs.run import Run
from pipeline.training.config import TrainConfig
from pipeline.workspace import ZOO, check_name, is_plain, runs_folder

VERSIONED = ("emotion-detector", "keras", "tensorflow", "numpy", "opencv-python-headless")


def create_run(
    config: TrainConfig,
    fingerprint: str,
    *,
    exclusion: Exclusion | None = None,
    exclusion_csv: str = "",
    notes: Notes | None = None,
    claimed: bool = False,
) -> Run:
    """Make the folder of a new run with its configuration.

    Args:
        config: the configuration.
        fingerprint: the data set's.
        exclusion: the exclusion list, if one is left out.
        exclusion_csv: what that list holds.
        notes: what to note of it from the first.
        claimed: the run is this process's own from the first; else it is queued.

    Raises:
        UserError: the folder cannot be written.
    """
    path = _new_path(config.architecture)
    content = RunConfig(
        train=config,
        dataset_fingerprint=fingerprint,
        exclusion=exclusion,
        versions={package: version(package) for package in VERSIONED},
    )
    run = Run(path.with_name(f".{path.name}"))
    try:
        run.path.mkdir(parents=True)
        run.write_config(content)
        if exclusion:
            run.exclusions_path.write_text(exclusion_csv)
        if notes:
            run.write_notes(notes)
        run.write_status(Status(state="queued", queued_at=time.time(), epochs=config.total_epochs))
        if claimed:
            run.claim("queued")
        os.rename(run.path, path)
    except OSError as error:
        shutil.rmtree(run.path, ignore_errors=True)
        raise UserError(
            f"The run cannot be written to {path.parent} ({error.strerror or error}): free some "
            "space there, or let it be written to."
        ) from error
    return Run(path)


def _new_path(architecture: str) -> Path:
    """Return the path of a run that begins now; of an experiment's many some draw the same end."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    while (path := runs_folder() / f"{now}-{architecture}-{secrets.token_hex(2)}").exists():
        pass
    return path


def list_runs() -> list[Run]:
    """Return the workspace's runs, newest first."""
    return [Run(path) for path in sorted(_folders(runs_folder()), reverse=True)]


def list_shipped() -> list[Run]:
    """Return the models that come with the project."""
    return [Run(path) for path in sorted(_folders(ZOO))]


def list_models() -> list[Run]:
    """Return everything that can recognise: shipped models, then finished runs, newest first."""
    return [run for run in list_shipped() + list_runs() if run.exported]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in root.iterdir() if path.is_dir() and is_plain(path.name)]


def runs_using(dataset: str) -> list[Run]:
    """Return the queued and running runs that train on a data set."""
    return [
        run for run in list_runs() if run.state() in ("queued", "running") and run.uses(dataset)
    ]


def check_unused(dataset: str) -> None:
    """Make sure that a data set may be removed or renamed.

    Raises:
        UserError: a queued or running run trains on it.
    """
    if users := runs_using(dataset):
        raise UserError(
            f"Data set '{dataset}' is needed by the run '{users[0].name}': stop that first."
        )


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
