"""The folders of data sets, runs and evaluations."""

import os
import re
from pathlib import Path

from pipeline.errors import UserError

PROJECT = Path(__file__).resolve().parents[1]
ZOO = PROJECT / "models" / "zoo"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def workspace() -> Path:
    """Return the workspace folder: `$EMOTION_WORKSPACE`, or `workspace` of the project."""
    return Path(os.environ.get("EMOTION_WORKSPACE") or PROJECT / "workspace").expanduser().resolve()


def datasets_folder() -> Path:
    """Return the folder with one folder per data set."""
    return workspace() / "datasets"


def dataset_folder(name: str) -> Path:
    """Return the folder of a data set.

    Raises:
        UserError: the name is not a plain name.
    """
    return datasets_folder() / check_name(name)


def runs_folder() -> Path:
    """Return the folder with one folder per run."""
    return workspace() / "runs"


def evaluation_folder() -> Path:
    """Return the folder for evaluations of bundled models, which are never written to."""
    return workspace() / "evaluation"


def check_name(name: str) -> str:
    """Return the name, if it can be the name of a folder.

    Raises:
        UserError: it is not plain, see `is_plain`.
    """
    if not is_plain(name):
        raise UserError(
            f"The name {name!r} cannot be used: take 1 to 64 letters, digits, '.', '_' or '-', and "
            "begin with a letter or digit."
        )
    return name


def is_plain(name: str) -> bool:
    """Return whether a name is 1 to 64 letters, digits, `.`, `_`, `-`, first a letter or digit."""
    return _PLAIN_NAME.fullmatch(name) is not None
