"""All runs: making, listing and finding them."""

import os
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import UserError
from pipeline.runs.files import Exclusion, RunConfig, Status
from pipeline.runs.run import Run
from pipeline.training.config import TrainConfig
from pipeline.workspace import ZOO, check_name, is_plain, runs_folder, write_json

_VERSIONED = ("emotion-detector", "keras", "tensorflow", "numpy", "opencv-python-headless")


def create_run(
    config: TrainConfig,
    fingerprint: str,
    *,
    exclusion: Exclusion | None = None,
    exclusion_csv: str = "",
    claimed: bool = False,
) -> Run:
    """Make the folder of a new run with its configuration.

    Args:
        config: the configuration.
        fingerprint: the data set's.
        exclusion: the exclusion list, if one is left out.
        exclusion_csv: what that list holds.
        claimed: the run is this process's own from the first; else it is queued.
    """
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = runs_folder() / f"{now}-{config.architecture}-{secrets.token_hex(2)}"
    partial = path.with_name(f".{path.name}")
    partial.mkdir(parents=True)
    content = RunConfig(
        train=config,
        dataset_fingerprint=fingerprint,
        exclusion=exclusion,
        versions={package: version(package) for package in _VERSIONED},
    )
    write_json(partial / "config.json", content.model_dump(mode="json"))
    if exclusion:
        Run(partial).exclusions_path.write_text(exclusion_csv)
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
