"""Which files of a run cannot be read, and what to do about it.

Files are written whole or not at all; disks and people can damage them all the same.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.runs.files import Notes
from pipeline.runs.run import Run


def damages(run: Run) -> Iterator[str]:
    """Give one sentence for each damaged file; `status.json` is what the run's state tells of."""
    try:
        run.config()
    except UserError as error:
        yield f"{error} Without it the run cannot go on; delete it, or put the file back."
    if run.notes_path.is_file() and not _holds_notes(run):
        yield "notes.json is damaged: name, note, tags and experiment are lost; Edit writes it."
    if _is_cut(run):
        yield (
            "history.csv is damaged: epochs are missing from the curves. Resume or Extend writes "
            "it anew."
        )
    if _is_no_archive(run.state_path):
        yield (
            "state/training.npz is damaged: the run cannot go on. Clone makes a new one of the "
            "same configuration."
        )
    if _is_no_archive(run.weights_path):
        yield f"{run.weights_path.name} is damaged: Clone makes a run that trains it anew."
    elif run.status().state == "finished" and not run.weights_path.is_file():
        yield f"{run.weights_path.name} is missing: Clone makes a run that trains it anew."


def _holds_notes(run: Run) -> bool:
    try:
        Notes.model_validate_json(run.notes_path.read_text())
    except (OSError, ValueError):
        return False
    return True


def _is_cut(run: Run) -> bool:
    """Tell whether the history lacks its end, or epochs that the status counts."""
    try:
        whole = run.history_path.read_bytes().endswith(b"\n")
    except OSError:
        whole = True
    return not whole or len(run.history()) < run.status().epoch


def _is_no_archive(path: Path) -> bool:
    return path.is_file() and not zipfile.is_zipfile(path)
