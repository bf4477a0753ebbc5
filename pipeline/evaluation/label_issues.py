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

from pipeline.data.dataset import FaceDataset
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
    n, found = len(dataset), _ranked(_evaluations(dataset))
    rows = [pd.Index(dataset.ids).get_indexer(pd.Index(each.ids)) for each in found]
    probabilities = np.zeros((n, len(EMOTIONS)), np.float32)
    source = np.full(n, -1)
    for number, (each, faces) in enumerate(zip(found, rows, strict=True)):
        free = source[faces] < 0
        source[faces[free]], probabilities[faces[free]] = number, each.probabilities[free]
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


def _evaluations(dataset: FaceDataset) -> Iterator[Predictions]:
    """Yield the stored out-of-sample predictions of the models that are accurate enough."""
    for model in list_models():
        fitted = None
        for folder in model.evaluation_paths():
            with suppress(UserError):
                predictions = load_predictions(model, folder)
                if predictions.fingerprint != dataset.fingerprint:
                    continue
                if fitted is None:
                    fitted = dataset.ids[_fitted(model, dataset)]
                predictions = predictions.without(fitted)
                if len(predictions) and predictions.correct.mean() >= MIN_ACCURACY:
                    yield predictions


def _fitted(model: Run, dataset: FaceDataset) -> NDArray[np.bool_]:
    """Return which faces a model was trained on, bool (n,); of an ensemble, any of its members.

    Of a model of another data set these are its training images; if that data set is gone, or a
    member of an ensemble, the faces of `train`.
    """
    try:
        if ensemble := model.config().ensemble:
            members = [_fitted(find_model(name), dataset) for name in ensemble.models]
            return np.asarray(np.any(members, axis=0))
        trained = training_faces(model)
        fitted = trained.training_indices(model.config().seed)
    except UserError:
        return np.asarray(dataset.splits == "train")
    mask = np.zeros(len(dataset), np.bool_)
    if trained.fingerprint == dataset.fingerprint:
        mask[fitted] = True
        return mask
    _, image = unique_images(np.concatenate([dataset.images, trained.images[fitted]]))
    return np.isin(image[: len(dataset)], image[len(dataset) :])


def _ranked(evaluations: Iterator[Predictions]) -> Sequence[Predictions]:
    """Return evaluations by descending accuracy, those of a split on the faces that all have."""
    by_split: dict[str, list[Predictions]] = {}
    for each in evaluations:
        by_split.setdefault(each.split, []).append(each)
    return [each for group in by_split.values() for each in _best_first(group)]


def _best_first(group: Sequence[Predictions]) -> Sequence[Predictions]:
    common = list(set.intersection(*(set(each.ids.tolist()) for each in group)))

    def accuracy(predictions: Predictions) -> float:
        shared = np.isin(predictions.ids, common) | (not common)
        return float(predictions.correct[shared].mean())

    return sorted(group, key=accuracy, reverse=True)
