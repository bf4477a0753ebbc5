"""Create, list and find runs."""

import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from pipeline.config.train_config import TrainConfig
from pipeline.data.store import is_synthetic
from pipeline.errors import UserError
from pipeline.installation import package_version
from pipeline.runs.records import Exclusion, Notes, RunConfig, Status
from pipeline.runs.run import Run
from pipeline.storage import cannot_write, temporary_folder, write_text
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
    """Create a run's folder with its configuration.

    Args:
        config: the configuration.
        fingerprint: the data set's.
        exclusion: the exclusion list, if there is one.
        exclusion_csv: the content of that list.
        notes: its notes.
        claimed: whether it runs in this process at once; else it is queued.

    Raises:
        UserError: the folder cannot be written.
    """
    path = _new_path(config.architecture)
    content = RunConfig(
        train=config,
        dataset_fingerprint=fingerprint,
        synthetic=is_synthetic(fingerprint),
        exclusion=exclusion,
        versions={package: package_version(package) for package in VERSIONED},
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path.parent) as folder:
            run = Run(folder)
            run.write_config(content)
            if exclusion:
                write_text(run.exclusions_path, exclusion_csv)
            if notes:
                run.write_notes(notes)
            queued = Status(state="queued", queued_at=time.time(), epochs=config.total_epochs)
            run.write_status(queued)
            if claimed:
                run.claim("queued")
            os.rename(folder, path)
    except OSError as error:
        raise cannot_write(f"The run cannot be written to {path.parent}", error) from error
    return Run(path)


def _new_path(architecture: str) -> Path:
    """Return a free path for a run that is created now."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    while (path := runs_folder() / f"{now}-{architecture}-{secrets.token_hex(2)}").exists():
        pass
    return path


def list_runs() -> list[Run]:
    """Return the workspace's runs, newest first."""
    return [Run(path) for path in sorted(_folders(runs_folder()), reverse=True)]


def list_bundled() -> list[Run]:
    """Return the models that come with the project."""
    return [Run(path) for path in sorted(_folders(ZOO))]


def list_models() -> list[Run]:
    """Return all models that can be evaluated: bundled ones, then exported runs, newest first."""
    return [run for run in list_bundled() + list_runs() if run.exported]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [path for path in root.iterdir() if path.is_dir() and is_plain(path.name)]


def check_unused(dataset: str) -> None:
    """Check that a data set may be removed or renamed.

    Raises:
        UserError: a queued or running run trains on it.
    """
    for run in list_runs():
        if run.state() in ("queued", "running") and run.uses(dataset):
            raise UserError(
                f"Data set '{dataset}' is needed by the run '{run.name}': stop that first."
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
    """Return a bundled model or a run by its name.

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
