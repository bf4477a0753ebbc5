"""A new run folder for a model that is not trained here, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import UserError
from pipeline.installation import package_version
from pipeline.runs import Run
from pipeline.runs.store import VERSIONED
from pipeline.storage import cannot_write, temporary_folder
from pipeline.workspace import ZOO, check_name, runs_folder


def check_free(name: str) -> None:
    """Check that a new model may have this name.

    Raises:
        UserError: the name is taken or not a plain name.
    """
    if (runs_folder() / check_name(name)).exists() or (ZOO / name).exists():
        raise UserError(f"The name '{name}' is taken: choose another.")


@contextmanager
def new_model(name: str) -> Iterator[Run]:
    """Yield a run in a hidden folder, which becomes a model if the block succeeds.

    The folder above the run's is free for files that are only needed meanwhile.

    Raises:
        UserError: the name is taken or not a plain name, or the disk cannot be written to.
    """
    check_free(name)
    try:
        runs_folder().mkdir(parents=True, exist_ok=True)
        with temporary_folder(runs_folder()) as folder:
            run = Run(folder / name)
            run.openvino_path.parent.mkdir(parents=True)
            yield run
            os.rename(run.path, runs_folder() / name)
    except OSError as error:
        raise cannot_write(f"The model cannot be written to {runs_folder()}", error) from error


def versions() -> dict[str, str]:
    """Return package → version, of those that make a model."""
    return {package: package_version(package) for package in (*VERSIONED, "openvino")}
