"""Label issues: faces whose label is likely wrong, by confident learning.

Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
https://arxiv.org/abs/1911.00068, as implemented in `cleanlab`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.dataset import HELD_OUT, FaceDataset
from pipeline.data.duplicates import unique_images
from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, find_model, list_models
from pipeline.training.run_setup import training_faces

MIN_ACCURACY = 0.6
"""Models that are less accurate on the faces in question say nothing about their labels."""


@dataclass(frozen=True)
class LabelIssues:
    """The likely mislabeled faces of a data set's n faces.

    Args:
        mask: bool (n,), likely mislabeled.
        models: model → bool (n,), the faces that its predictions were used for, each face in one.
    """

    mask: NDArray[np.bool_]
    models: Mapping[str, NDArray[np.bool_]]

    @property
    def predicted(self) -> int:
        """Number of faces that have a prediction, of which the issues are a part."""
        return int(sum(used.sum() for used in self.models.values()))

    def meaning(self, names: Mapping[str, str]) -> str:
        """Return a sentence on whose predictions were used, or why there are none.

        Args:
            names: model → its name for people.
        """
        if not self.models:
            return (
                f"No model has predictions, {MIN_ACCURACY:.0%} of them right, for faces that it "
                "was not trained on: evaluate one on another split than train."
            )
        models = " or ".join(names.get(each, each) for each in self.models)
        return (
            f"Labels that {models}, not trained on the face, confidently contradicts (confident "
            "learning)."
        )

    @property
    def columns(self) -> dict[str, NDArray[np.bool_]]:
        """The column of an audit's table: `label_issue`; none without predictions."""
        return {"label_issue": self.mask} if self.models else {}

    def summary(self) -> dict[str, Any]:
        """Return what `audit --json` prints: issues, faces with a prediction, and both by model."""
        return {
            "faces": int(self.mask.sum()),
            "of": self.predicted,
            "models": {
                model: {"faces": int((self.mask & used).sum()), "of": int(used.sum())}
                for model, used in self.models.items()
            },
        }


def likely_mislabeled(predictions: Predictions) -> NDArray[np.bool_]:
    """Return the faces that are confidently predicted as another emotion than their label.

    The threshold of an emotion is its mean predicted probability over the faces labeled with it.
    An emotion that no face is labeled with is never suggested.

    Args:
        predictions: of faces that the model was not trained on.

    Returns:
        bool (n,).
    """
    if len(np.unique(predictions.y_true)) < 2:
        return np.zeros(len(predictions), np.bool_)  # cleanlab raises
    from cleanlab.filter import find_label_issues  # imported here, since it takes half a second

    # The other filters use global variables, which is not safe in threads.
    issues = find_label_issues(
        predictions.y_true.astype(np.int64),
        predictions.probabilities,
        filter_by="confident_learning",
        n_jobs=1,
    )
    return np.asarray(issues, np.bool_)


def find_label_issues(dataset: FaceDataset) -> LabelIssues:
    """Return the likely mislabeled faces of a data set, by the best model's prediction of each.

    Confident learning needs out-of-sample predictions, so a model's stored predictions for faces
    that it was trained on do not count; nor does a model that is right on less than `MIN_ACCURACY`
    of the others. Of several models for a split, the one that is the most accurate on the faces
    that all of them have is used.
    """
    n, found = len(dataset), _ranked(list(_evaluations(dataset)), len(dataset))
    probabilities = np.zeros((n, len(EMOTIONS)), np.float32)
    source = np.full(n, -1)
    for number, each in enumerate(found):
        free = source[each.rows] < 0
        source[each.rows[free]], probabilities[each.rows[free]] = number, each.probabilities[free]
    predicted = np.flatnonzero(source >= 0)
    mask = np.zeros(n, np.bool_)
    models: dict[str, NDArray[np.bool_]] = {}
    for number, each in enumerate(found):
        if (used := source == number).any():
            models[each.model] = models.get(each.model, False) | used
    if len(predicted):
        best = Predictions(
            *("", dataset.name, dataset.fingerprint, "", dataset.ids[predicted]),
            *(dataset.labels[predicted], probabilities[predicted]),
        )
        mask[predicted] = likely_mislabeled(best)
    return LabelIssues(mask, models)


@dataclass(frozen=True)
class _OutOfSample:
    """A model's stored predictions for faces of a split that it was not trained on.

    Args:
        model: the model's name.
        split: the split's name.
        rows: intp (m,), positions of the faces in the data set.
        probabilities: float32 (m, 7).
        correct: bool (m,), whether the top emotion is the label.
    """

    model: str
    split: str
    rows: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    correct: NDArray[np.bool_]


def _evaluations(dataset: FaceDataset) -> Iterator[_OutOfSample]:
    """Yield the out-of-sample predictions of the models that are accurate enough on them."""
    fitted, positions = _FittedFaces(dataset), pd.Index(dataset.ids)
    ids, rows = dataset.ids[:0], np.zeros(0, np.intp)
    for model in list_models():
        for folder in model.evaluation_paths():
            if not folder.name.startswith(dataset.fingerprint[:12]):
                continue
            with suppress(UserError):
                predictions = load_predictions(model, folder)
                if predictions.fingerprint != dataset.fingerprint:
                    continue
                if not np.array_equal(predictions.ids, ids):  # most models have the same faces
                    ids = predictions.ids
                    rows = positions.get_indexer(pd.Index(ids))
                known = (rows >= 0) & ~fitted.of(model)[rows]  # ids may have been other ones
                correct = predictions.correct[known]
                if len(correct) and correct.mean() >= MIN_ACCURACY:
                    shown = rows[known], predictions.probabilities[known]
                    yield _OutOfSample(model.name, predictions.split, *shown, correct)


class _FittedFaces:
    """Which faces of a data set models were trained on.

    Models that were trained on the same faces share the answer, and the open data set.
    """

    def __init__(self, dataset: FaceDataset) -> None:
        self._dataset = dataset
        self._opened = {(dataset.fingerprint, ""): dataset}  # by fingerprints of data and list
        self._known: dict[tuple[str, str, int], NDArray[np.bool_]] = {}

    def of(self, model: Run) -> NDArray[np.bool_]:
        """Return which faces a model was trained on, bool (n,); of an ensemble, any of its members.

        Of a model of another data set these are its training images; if that data set is gone, or
        a member of an ensemble, the faces of `train`.
        """
        try:
            config = model.config()
            if config.ensemble:
                members = [self.of(find_model(name)) for name in config.ensemble.models]
                return np.asarray(np.any(members, axis=0))
            list_fingerprint = config.exclusion.fingerprint if config.exclusion else ""
            which = config.dataset_fingerprint, list_fingerprint
            if which not in self._opened:
                self._opened[which] = training_faces(model)
            trained = self._opened[which]
            seed = config.seed if trained.choosing_split() == HELD_OUT else 0  # it has no effect
            if (*which, seed) not in self._known:
                self._known[*which, seed] = self._trained_on(trained, seed)
            return self._known[*which, seed]
        except UserError:
            return np.asarray(self._dataset.splits == "train")

    def _trained_on(self, trained: FaceDataset, seed: int) -> NDArray[np.bool_]:
        dataset, fitted = self._dataset, trained.training_indices(seed)
        if trained.fingerprint == dataset.fingerprint:
            mask = np.zeros(len(dataset), np.bool_)
            mask[fitted] = True
            return mask
        _, image = unique_images(np.concatenate([dataset.images, trained.images[fitted]]))
        return np.isin(image[: len(dataset)], image[len(dataset) :])


def _ranked(evaluations: Sequence[_OutOfSample], n: int) -> Sequence[_OutOfSample]:
    """Return evaluations by descending accuracy, those of a split on the faces that all have.

    Args:
        evaluations: of a data set.
        n: number of its faces.
    """
    by_split: dict[str, list[_OutOfSample]] = {}
    for each in evaluations:
        by_split.setdefault(each.split, []).append(each)
    return [each for group in by_split.values() for each in _best_first(group, n)]


def _best_first(group: Sequence[_OutOfSample], n: int) -> Sequence[_OutOfSample]:
    counts = np.bincount(np.concatenate([each.rows for each in group]), minlength=n)
    common = counts == len(group)
    compared = common if common.any() else np.ones(n, np.bool_)

    def accuracy(each: _OutOfSample) -> float:
        return float(each.correct[compared[each.rows]].mean())

    return sorted(group, key=accuracy, reverse=True)
