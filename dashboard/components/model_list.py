"""What can recognise, and how well it did on the split that models are chosen on."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.dataset import HELD_OUT
from pipeline.errors import UserError
from pipeline.runs import Run, list_models

_CHOOSING = ("public_test", "validation", HELD_OUT)


@dataclass(frozen=True)
class ModelEntry:
    """A model and its figures, as far as known.

    `accuracy` (0 to 1) was measured on the `n` faces of `split`; `size` is the exported weights'
    in bytes.
    """

    name: str
    shipped: bool
    architecture: str
    dataset: str
    size: int
    parameters: int | None
    accuracy: float | None = None
    n: int = 0
    split: str = ""


def model_entries() -> list[ModelEntry]:
    """Return all models, the most accurate first; those without a figure come last.

    Models of different data sets stand in one list: the caller names the data set of each.
    """
    entries = [entry for entry in map(_entry, list_models()) if entry is not None]
    return sorted(entries, key=lambda entry: entry.accuracy or 0.0, reverse=True)


def _entry(model: Run) -> ModelEntry | None:
    try:
        config = model.config()
        size = model.openvino_path.with_suffix(".bin").stat().st_size
    except (UserError, OSError):
        return None
    accuracy, n, split = _measured(model, config.dataset_fingerprint)
    return ModelEntry(
        name=model.name,
        shipped=model.shipped,
        architecture=config.train.architecture,
        dataset=config.train.dataset,
        size=size,
        parameters=model.status().parameters,
        accuracy=accuracy,
        n=n,
        split=split,
    )


def _measured(model: Run, fingerprint: str) -> tuple[float | None, int, str]:
    """Return accuracy, number of faces and name of the choosing split of its own data set."""
    for split in _CHOOSING:
        path = model.evaluation_path(fingerprint, split) / "metrics.json"
        figures = _read(path)
        if figures:
            return *figures, split
    return None, 0, ""


def _read(path: Path) -> tuple[float, int] | None:
    try:
        content = json.loads(path.read_text())
        return float(content["accuracy"]), int(content["n"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
