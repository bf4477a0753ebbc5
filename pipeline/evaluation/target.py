"""Which faces models are judged on: a split, less an exclusion list, less what training showed."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList
from pipeline.data.groups import different_pictures
from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Run


@dataclass(frozen=True)
class Target:
    """The faces that models are judged on.

    Args:
        dataset: the data set's name.
        fingerprint: its fingerprint, the first 12 characters or all.
        split: the split's name.
        exclude: name of the exclusion list whose faces are left out; empty for none.
        without_twins: leave out faces with an identical picture in the training split.
    """

    dataset: str
    fingerprint: str
    split: str
    exclude: str = ""
    without_twins: bool = False

    @property
    def words(self) -> str:
        """What the faces are, in a few words."""
        left_out = [f"without the list '{self.exclude}'"] if self.exclude else []
        left_out += ["without twins of training faces"] if self.without_twins else []
        return ", ".join([f"{self.dataset}, {self.split}", *left_out])


def training_twins(dataset: FaceDataset) -> NDArray[np.str_]:
    """Return the ids of the faces of other splits whose very picture is in `train` too."""
    _, picture = different_pictures(dataset.images)
    trained = dataset.splits == "train"
    return np.asarray(dataset.ids[np.isin(picture, picture[trained]) & ~trained])


def stored_folder(
    model: Run, target: Target, exclusions: ExclusionList | None = None
) -> Path | None:
    """Return where a model's predictions of at least the target's faces are stored; None if not.

    Those of the whole split serve every list; those made without just this list serve it, too.
    """
    for left_out in ("", *([exclusions.fingerprint] if exclusions else [])):
        folder = model.evaluation_path(target.fingerprint, target.split, left_out)
        if (folder / "predictions.npz").is_file():
            return folder
    return None


def narrowed(
    predictions: Predictions,
    target: Target,
    exclusions: ExclusionList | None = None,
    twins: NDArray[np.str_] | None = None,
) -> Predictions:
    """Leave out of stored predictions what the target leaves out.

    Args:
        predictions: of the target's split.
        target: the faces to judge on.
        exclusions: the target's exclusion list, if it names one.
        twins: what `training_twins` gives, if the target leaves them out.

    Raises:
        UserError: no face is left.
    """
    left = predictions
    if exclusions is not None and not left.exclusion:
        left = replace(
            left.without(np.array(list(exclusions.reasons), dtype="U")),
            exclusion=exclusions.name,
            exclusion_fingerprint=exclusions.fingerprint,
        )
    if twins is not None:
        left = left.without(twins)
    if not len(left):
        raise UserError(f"No face is left of {target.words}: choose other faces.")
    return left
