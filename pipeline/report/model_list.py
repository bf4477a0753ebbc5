"""All models with the data they learned from and their accuracy on its model-selection split."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from pipeline.data.dataset import CHOOSING_SPLITS, split_name
from pipeline.data.store import find_dataset
from pipeline.evaluation.metrics import proportion_interval
from pipeline.report.units import percent
from pipeline.runs import Run, RunRow


@dataclass(frozen=True)
class ModelEntry:
    """A model and its accuracy, if it was evaluated.

    Args:
        run: the run or bundled model.
        title: its name for people.
        architecture: its architecture; None if its configuration cannot be read.
        dataset: present name of the data set that it learned from; None likewise.
        fingerprint: of that data set.
        synthetic: whether that data set's faces are synthetic.
        experiment: that the run belongs to; empty for none.
        accuracy: on `split`, 0 to 1; None if it was not evaluated.
        faces: that the accuracy is of.
        split: the model-selection split of its data set; empty if it was not evaluated.
    """

    run: Run
    title: str
    architecture: str | None
    dataset: str | None
    fingerprint: str
    synthetic: bool
    experiment: str = ""
    accuracy: float | None = None
    faces: int = 0
    split: str = ""

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the accuracy; older versions stored a bootstrap's, so it is computed."""
        return proportion_interval(round((self.accuracy or 0.0) * self.faces), self.faces)

    @property
    def label(self) -> str:
        """Its name, the data set, accuracy and split: `wide — fer2013, 69.3% public test`."""
        facts = [self.dataset] if self.dataset not in (None, *self.title.split(" · ")) else []
        facts += [self.experiment] if self.experiment else []
        facts += ["synthetic faces"] if self.synthetic else []
        if self.accuracy is None:
            facts.append("not evaluated")
        else:
            facts.append(f"{percent(self.accuracy)} {split_name(self.split)}")
        return f"{self.title} — {', '.join(map(str, facts))}"

    @property
    def document(self) -> dict[str, Any]:
        """What `models --json` prints of it."""
        return {
            "name": self.run.name,
            "title": self.title,
            "shipped": self.run.bundled,
            "architecture": self.architecture or "damaged",
            "dataset": self.dataset,
            "synthetic": self.synthetic,
            "split": self.split or None,
            "accuracy": self.accuracy,
            "parameters": self.run.status().parameters,
            "size_mb": round(self.run.openvino_path.with_suffix(".bin").stat().st_size / 1e6, 1),
        }


def model_entries(models: Iterable[RunRow]) -> list[ModelEntry]:
    """Return models grouped by the data set that they learned from, the best of each group first.

    Accuracies on different faces are not comparable, so the groups stay in the order of their
    first model, those of synthetic faces last; in each, models without an evaluation come last.

    Args:
        models: see `RunTable.models`.
    """
    models, names = list(models), dict[str, str | None]()
    for row in models:
        if row.fingerprint not in names:
            names[row.fingerprint] = row.dataset and find_dataset(row.dataset, row.fingerprint)
    order = list(names)
    entries = [_entry(row, names[row.fingerprint]) for row in models]
    return sorted(
        entries,
        key=lambda each: (
            each.synthetic,
            order.index(each.fingerprint),
            each.accuracy is None,
            -(each.accuracy or 0.0),
        ),
    )


def model_documents(models: Iterable[RunRow]) -> list[dict[str, Any]]:
    """Return what `models --json` prints; a model that is deleted meanwhile is left out."""
    documents = []
    for entry in model_entries(models):
        with suppress(FileNotFoundError):
            documents.append(entry.document)
    return documents


def best_model(entries: Iterable[ModelEntry]) -> ModelEntry | None:
    """Return the first entry that was evaluated and did not learn from synthetic faces, if any."""
    return next((e for e in entries if e.accuracy is not None and not e.synthetic), None)


def best_rival(entry: ModelEntry, entries: Iterable[ModelEntry]) -> ModelEntry | None:
    """Return the best other model that learned from the same data, if one was evaluated."""
    return next(
        (
            other
            for other in entries
            if other.fingerprint == entry.fingerprint
            and other.run.name != entry.run.name
            and other.accuracy is not None
        ),
        None,
    )


def _entry(row: RunRow, dataset: str | None) -> ModelEntry:
    accuracy, faces, split = _accuracy(row.run, row.fingerprint)
    return ModelEntry(
        run=row.run,
        title=row.title,
        architecture=row.architecture,
        dataset=dataset,
        fingerprint=row.fingerprint,
        synthetic=row.synthetic,
        experiment=row.notes.experiment,
        accuracy=accuracy,
        faces=faces,
        split=split,
    )


def _accuracy(model: Run, fingerprint: str) -> tuple[float | None, int, str]:
    """Return accuracy, faces and split, on the model-selection split of its own data set."""
    for split in CHOOSING_SPLITS if fingerprint else ():
        path = model.evaluation_path(fingerprint, split) / "metrics.json"
        if stored := _read(path):
            return *stored, split
    return None, 0, ""


def _read(path: Path) -> tuple[float, int] | None:
    try:
        content = from_json(path.read_text())
        accuracy, n = float(content["accuracy"]), int(content["n"])
        return (accuracy, n) if 0 <= accuracy <= 1 and n > 0 else None
    except (OSError, ValueError, OverflowError, KeyError, TypeError):
        return None
