"""Find the damaged files of a run, with advice for each."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.runs.records import Notes
from pipeline.runs.run import Run


def damages(run: Run) -> Iterator[str]:
    """Yield one sentence for each damaged file, except `status.json`, which `Run.status` covers."""
    try:
        run.config()
    except UserError as error:
        yield f"{error} Without it the run cannot go on; delete it, or put the file back."
    if run.notes_path.is_file() and not _has_valid_notes(run):
        yield "notes.json is damaged: what cannot be read of it is not shown; Edit writes it again."
    for path, record, command in (
        (run.calibration_path, run.calibration, "evaluate"),
        (run.speed_path, run.speed, "speed"),
    ):
        if path.exists() and record() is None:
            yield f"{path.name} is damaged and not used: '{command} {run.name}' writes it again."
    if _is_truncated(run):
        yield (
            "history.csv is damaged: epochs are missing from the curves. Resume or Extend "
            "writes it again."
        )
    if _is_damaged_archive(run.checkpoint_path):
        yield (
            f"{run.checkpoint_path.relative_to(run.path)} is damaged: the run cannot go on. Clone "
            "makes a new one of the same configuration."
        )
    if _is_damaged_archive(run.weights_path):
        yield f"{run.weights_path.name} is damaged: Clone makes a run that trains it again."
    elif _should_have_weights(run) and not run.weights_path.is_file():
        yield f"{run.weights_path.name} is missing: Clone makes a run that trains it again."


def _should_have_weights(run: Run) -> bool:
    try:
        trained = run.config().kind == "trained"
    except UserError:
        trained = True
    return trained and run.status().state == "finished"


def _has_valid_notes(run: Run) -> bool:
    try:
        Notes.model_validate_json(run.notes_path.read_text())
    except (OSError, ValueError):
        return False
    return True


def _is_truncated(run: Run) -> bool:
    """Return whether the history ends within a line, or lacks epochs that the status counts."""
    try:
        content = run.history_path.read_bytes()
    except OSError:
        content = b""
    is_cut = bool(content) and not content.endswith(b"\n")  # empty in the first epoch
    return is_cut or len(run.history()) < run.status().epoch


def _is_damaged_archive(path: Path) -> bool:
    return path.is_file() and not zipfile.is_zipfile(path)
