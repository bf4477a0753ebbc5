"""Limits of a shared server: uploads, queued runs, running jobs and disk.

Each is an environment variable, listed with its default in docs/deploy.md.
"""

import os
from pathlib import Path
from typing import Literal

import psutil
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pipeline.errors import UserError
from pipeline.jobs import running_commands
from pipeline.queue.queue import queued_runs
from pipeline.storage import folder_size
from pipeline.workspace import workspace

DEFAULTS = {
    "EMOTION_MAX_IMAGE_MB": 64.0,
    "EMOTION_MAX_VIDEO_MB": 400.0,
    "EMOTION_MAX_IMPORT_MB": 400.0,
    "EMOTION_MAX_QUEUED_RUNS": 200.0,
    "EMOTION_MAX_JOBS": 8.0,
    "EMOTION_MIN_FREE_GB": 1.0,
    "EMOTION_MAX_WORKSPACE_GB": 0.0,
}
"""Variable → the limit where it is not set; 0 for none."""

Kind = Literal["image", "video", "import"]


def limit(name: str) -> float:
    """Return a limit; its default if the variable is not a number from 0."""
    try:
        value = float(os.environ[name])
    except (KeyError, ValueError):
        return DEFAULTS[name]
    return value if 0 <= value < float("inf") else DEFAULTS[name]


def max_upload_mb(kind: Kind) -> int:
    """Return how large an upload may be, for the field that takes it."""
    return max(1, int(limit(f"EMOTION_MAX_{kind.upper()}_MB")))


def check_upload(file: UploadedFile, kind: Kind) -> None:
    """Check the size of an upload before it is copied.

    Raises:
        UserError: it is too large.
    """
    largest = max_upload_mb(kind)
    if file.size > largest * 2**20:
        raise UserError(
            f"{file.name} has {file.size / 2**20:,.0f} MB: at most {largest:,} MB are accepted."
        )


def check_queue(runs: int = 1) -> None:
    """Check that more runs may be queued.

    Raises:
        UserError: too many wait, or the disk is too full.
    """
    most, queued = int(limit("EMOTION_MAX_QUEUED_RUNS")), len(queued_runs())
    if queued + runs > most:
        raise UserError(
            f"{queued:,} runs are queued, and this server takes {most:,}: wait, or cancel some."
        )
    check_disk()


def check_jobs() -> None:
    """Check that another job may start.

    Raises:
        UserError: too many are running, or the disk is too full.
    """
    most, running = int(limit("EMOTION_MAX_JOBS")), running_commands()
    if running >= most:
        raise UserError(f"This server already runs {running:,} jobs: wait until one has ended.")
    check_disk()


def check_free(folder: Path, more: int = 0) -> None:
    """Check that a folder's disk has room for a file of `more` bytes.

    Raises:
        UserError: it is almost full.
    """
    folder = next(each for each in (folder, *folder.parents) if each.exists())
    free, least = psutil.disk_usage(str(folder)).free, limit("EMOTION_MIN_FREE_GB")
    if free - more < least * 2**30:
        raise UserError(
            f"Only {free / 2**30:.1f} GB of the disk are free, and {least:g} GB must stay free: "
            "remove runs or data sets that are no longer needed."
        )


def check_disk() -> None:
    """Check that there is room for more.

    Raises:
        UserError: the disk is almost full, or the workspace has reached its limit.
    """
    check_free(workspace())
    if most := limit("EMOTION_MAX_WORKSPACE_GB"):
        used = folder_size(workspace()) / 2**30
        if used > most:
            raise UserError(
                f"The workspace has {used:.1f} GB, and may have {most:g} GB: remove runs or data "
                "sets that are no longer needed."
            )
