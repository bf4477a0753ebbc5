"""Where data sets, runs and evaluations live, and how small files are written safely."""

import json
import os
import re
from pathlib import Path
from threading import get_ident
from typing import Any

from pipeline.errors import UserError

PROJECT = Path(__file__).resolve().parents[1]
ZOO = PROJECT / "models" / "zoo"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def workspace() -> Path:
    """Return the workspace folder: `$EMOTION_WORKSPACE`, or `workspace` of the project."""
    return Path(os.environ.get("EMOTION_WORKSPACE") or PROJECT / "workspace").expanduser().resolve()


def datasets_folder() -> Path:
    """Return the folder that holds one folder a data set."""
    return workspace() / "datasets"


def dataset_folder(name: str) -> Path:
    """Return the folder of a data set.

    Raises:
        UserError: the name is not a plain name.
    """
    return datasets_folder() / check_name(name)


def runs_folder() -> Path:
    """Return the folder that holds one folder a training run."""
    return workspace() / "runs"


def evaluation_folder() -> Path:
    """Return the folder for evaluations of shipped models, which are never written to."""
    return workspace() / "evaluation"


def check_name(name: str) -> str:
    """Return the name if it can be a folder's name.

    Raises:
        UserError: the name is not 1 to 64 letters, digits, `.`, `_` or `-`, the first a letter
            or digit.
    """
    if not is_plain(name):
        raise UserError(
            f"The name {name!r} is not a plain name: use 1 to 64 letters, digits, '.', '_' or "
            "'-', and begin with a letter or digit."
        )
    return name


def is_plain(name: str) -> bool:
    """Tell whether a name is plain: 1 to 64 letters, digits, `.`, `_` or `-`."""
    return _PLAIN_NAME.fullmatch(name) is not None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(content, indent=2))


def write_text(path: Path, content: str) -> None:
    """Write a text file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
    try:
        with partial.open("w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
