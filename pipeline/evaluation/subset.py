"""The faces that models are evaluated on: a split without excluded faces and duplicates."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset, faces_name
from pipeline.data.duplicates import unique_images
from pipeline.data.exclusions import ExclusionList, list_names
from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Run


@dataclass(frozen=True)
class EvaluationSubset:
    """The faces that models are evaluated on.

    Args:
        dataset: the data set's name.
        fingerprint: its fingerprint, the first 12 characters or all.
        split: the split's name.
        exclude: names of the exclusion lists whose faces are left out, `a,b`; empty for none.
        without_duplicates: leave out faces with an exact duplicate in the training split.
    """

    dataset: str
    fingerprint: str
    split: str
    exclude: str = ""
    without_duplicates: bool = False

    @property
    def description(self) -> str:
        """The subset in a few words, such as `faces · test, without train duplicates`."""
        names = " and ".join(f"'{name}'" for name in list_names([self.exclude]))
        left_out = [f"without the list{'s' * (',' in self.exclude)} {names}"] if names else []
        left_out += ["without train duplicates"] if self.without_duplicates else []
        return ", ".join([faces_name(self.dataset, self.split), *left_out])


def learned_from(model: Run, fingerprint: str) -> bool:
    """Return whether a model was trained on a data set.

    Args:
        model: a run or a bundled model.
        fingerprint: the data set's, its first 12 characters or more.
    """
    try:
        return model.config().dataset_fingerprint.startswith(fingerprint)
    except UserError:
        return False


def training_duplicates(dataset: FaceDataset) -> NDArray[np.str_]:
    """Return the ids of the faces of other splits with an exact duplicate in `train`."""
    _, image = unique_images(dataset.images)
    in_train = dataset.splits == "train"
    return np.asarray(dataset.ids[np.isin(image, image[in_train]) & ~in_train])


def find_evaluation(
    model: Run, subset: EvaluationSubset, exclusions: ExclusionList | None = None
) -> Path | None:
    """Return the folder of a model's predictions for at least the subset's faces; None if missing.

    Predictions for the whole split serve every exclusion list; those without a list's faces
    serve that list only.
    """
    for exclusion in ("", *([exclusions.fingerprint] if exclusions else [])):
        folder = model.evaluation_path(subset.fingerprint, subset.split, exclusion)
        if (folder / "predictions.npz").is_file():
            return folder
    return None


def apply_subset(
    predictions: Predictions,
    subset: EvaluationSubset,
    exclusions: ExclusionList | None = None,
    duplicates: NDArray[np.str_] | None = None,
) -> Predictions:
    """Return the predictions for the faces of a subset.

    Args:
        predictions: of the subset's split.
        subset: the faces to evaluate on.
        exclusions: the subset's exclusion lists as one, if it names any.
        duplicates: from `training_duplicates`, if the subset leaves them out.

    Raises:
        UserError: no face is left.
    """
    if exclusions is not None and not predictions.exclusion:
        predictions = replace(
            predictions.without(np.array(list(exclusions.reasons), dtype="U")),
            exclusion=exclusions.name,
            exclusion_fingerprint=exclusions.fingerprint,
        )
    if duplicates is not None:
        predictions = predictions.without(duplicates)
    if not len(predictions):
        raise UserError(f"No face is left of {subset.description}: choose other faces.")
    return predictions
