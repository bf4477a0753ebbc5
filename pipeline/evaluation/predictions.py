"""Compute, store and load the predicted probabilities of a model on a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.array_cache import DAMAGED_ARRAYS
from pipeline.data.dataset import HELD_OUT, FaceDataset, split_name
from pipeline.data.exclusions import ExclusionList
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, evaluation_name
from pipeline.storage import write_atomic
from pipeline.vision.recognizer import Recognizer

_BATCH = 128


@dataclass(frozen=True)
class Predictions:
    """Predictions of a model for the faces of a split.

    Args:
        model: the model's name.
        dataset: the data set's name.
        fingerprint: the data set's fingerprint.
        split: the split's name.
        ids: str (n,).
        y_true: uint8 (n,), indices into `EMOTIONS`.
        probabilities: float32 (n, 7).
        exclusion: name of the exclusion list whose faces were left out; empty for none.
        exclusion_fingerprint: that list's fingerprint; empty for none.
    """

    model: str
    dataset: str
    fingerprint: str
    split: str
    ids: NDArray[np.str_]
    y_true: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    exclusion: str = ""
    exclusion_fingerprint: str = ""

    def __post_init__(self) -> None:
        n = len(self.y_true)
        if self.probabilities.shape != (n, len(EMOTIONS)) or self.ids.shape != (n,):
            raise ValueError(
                f"probabilities must be ({n}, {len(EMOTIONS)}) and ids ({n},). "
                f"Received: {self.probabilities.shape} and {self.ids.shape}"
            )
        if n and self.y_true.max() >= len(EMOTIONS):
            raise ValueError(f"y_true must be below {len(EMOTIONS)}. Received: {self.y_true.max()}")
        if not np.allclose(self.probabilities.sum(axis=1), 1.0, atol=1e-3):
            raise ValueError("probabilities must sum to 1 for every face.")

    def __len__(self) -> int:
        return len(self.y_true)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """Index of the top emotion of each face, intp (n,); the first of equal ones."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the top emotion is the label, bool (n,)."""
        return np.asarray(self.predicted == self.y_true)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """Probability of the top emotion, float32 (n,)."""
        return np.asarray(self.probabilities.max(axis=1))

    def take(self, faces: NDArray[np.bool_] | NDArray[np.intp]) -> Predictions:
        """Return the predictions for some of the faces.

        Args:
            faces: bool (n,), or their positions.
        """
        return replace(
            self,
            ids=self.ids[faces],
            y_true=self.y_true[faces],
            probabilities=self.probabilities[faces],
        )

    def without(self, ids: NDArray[np.str_]) -> Predictions:
        """Return the predictions for all faces but these; unknown ids are ignored."""
        return self.take(~np.isin(self.ids, ids)) if len(ids) else self


def predict_split(
    model: Run,
    dataset: FaceDataset,
    split: str,
    on_progress: Callable[[float], None] = lambda fraction: None,
    exclusions: ExclusionList | None = None,
) -> Predictions:
    """Predict every face of a split in float32, without those of an exclusion list.

    Raises:
        UserError: the split has no faces, the list is of another data set, the model is damaged,
            or it is an ensemble with members that were fitted on faces of the held-out tenth.
    """
    config = model.config()
    if split == HELD_OUT and config.ensemble and not config.ensemble.same_held_out:
        raise UserError(
            f"'{model.name}' cannot be evaluated on {split_name(HELD_OUT)}: its members were "
            "trained with different seeds or data sets, so some of them know these faces. Choose "
            "another split."
        )
    exclusion: dict[str, str] = {}
    if exclusions is not None:
        dataset = dataset.without(exclusions.reasons)
        exclusion = {"exclusion": exclusions.name, "exclusion_fingerprint": exclusions.fingerprint}
    indices = dataset.indices(split, config.seed)
    recognizer = Recognizer.load(model, "f32")
    parts = []
    for start in range(0, len(indices), _BATCH):
        parts.append(recognizer.predict(dataset.images[indices[start : start + _BATCH]]))
        on_progress(min(1.0, (start + _BATCH) / len(indices)))
    return Predictions(
        model=model.name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        split=split,
        ids=dataset.ids[indices],
        y_true=dataset.labels[indices],
        probabilities=np.concatenate(parts),
        **exclusion,
    )


def save_predictions(predictions: Predictions, folder: Path) -> None:
    """Write `predictions.npz` whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomic(folder / "predictions.npz") as partial:
        np.savez_compressed(
            partial,
            dataset=np.array(predictions.dataset),
            fingerprint=np.array(predictions.fingerprint),
            split=np.array(predictions.split),
            ids=predictions.ids,
            y_true=predictions.y_true,
            probabilities=predictions.probabilities,
            exclusion=np.array(predictions.exclusion),
            exclusion_fingerprint=np.array(predictions.exclusion_fingerprint),
        )


def load_predictions(model: Run, folder: Path) -> Predictions:
    """Read `predictions.npz` of one of the model's evaluations.

    Raises:
        UserError: it is missing or damaged, or does not match its folder's name.
    """
    try:
        with (
            (folder / "predictions.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as stored,
        ):
            predictions = Predictions(
                model=model.name,
                dataset=str(stored["dataset"]),
                fingerprint=str(stored["fingerprint"]),
                split=str(stored["split"]),
                ids=stored["ids"],
                y_true=stored["y_true"],
                probabilities=stored["probabilities"],
                exclusion=str(stored.get("exclusion", "")),
                exclusion_fingerprint=str(stored.get("exclusion_fingerprint", "")),
            )
    except DAMAGED_ARRAYS as error:
        raise UserError(
            f"The predictions of '{model.name}' in {folder.name} are missing or damaged: "
            "evaluate it again."
        ) from error
    if folder.name != evaluation_name(
        predictions.fingerprint, predictions.split, predictions.exclusion_fingerprint
    ):
        raise UserError(
            f"The predictions of '{model.name}' in {folder.name} are of other faces: "
            "evaluate it again."
        )
    return predictions
