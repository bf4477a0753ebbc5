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

    `accuracy` and its 95 % `interval` (0 to 1) were measured on `split`; `size` is the exported
    weights' in bytes.
    """

    name: str
    shipped: bool
    architecture: str
    dataset: str
    size: int
    parameters: int | None
    accuracy: float | None = None
    interval: tuple[float, float] = (0.0, 1.0)
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
    accuracy, interval, split = _measured(model, config.dataset_fingerprint)
    return ModelEntry(
        name=model.name,
        shipped=model.shipped,
        architecture=config.train.architecture,
        dataset=config.train.dataset,
        size=size,
        parameters=model.status().parameters,
        accuracy=accuracy,
        interval=interval,
        split=split,
    )


def _measured(model: Run, fingerprint: str) -> tuple[float | None, tuple[float, float], str]:
    """Return accuracy, its interval and the name of the choosing split of its own data set."""
    for split in _CHOOSING:
        path = model.evaluation_path(fingerprint, split) / "metrics.json"
        figures = _read(path)
        if figures:
            return *figures, split
    return None, (0.0, 1.0), ""


def _read(path: Path) -> tuple[float, tuple[float, float]] | None:
    try:
        content = json.loads(path.read_text())
        low, high = map(float, content["accuracy_interval"])
        return float(content["accuracy"]), (low, high)
    except (OSError, ValueError, KeyError, TypeError):
        return None
