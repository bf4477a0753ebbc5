"""A data set of labeled faces in memory-mapped arrays. Independent of files."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

SIZE = 48
SPLITS = ("train", "validation", "test", "public_test", "private_test")
HELD_OUT = "held_out"
"""The split name of a seeded, stratified tenth of `train`, for data sets without a split to choose
epochs on."""

CHOOSING_SPLITS = ("public_test", "validation", HELD_OUT)
"""The model-selection splits: epochs and models are chosen on the first that a data set has."""

VOTES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
"""The columns of FER+ votes; `NF`: no face."""


def split_name(split: str) -> str:
    """Return a split's name for people, such as `public test`."""
    return split.replace("_", " ")


def faces_name(dataset: str, split: str) -> str:
    """Return a split of a data set for people, such as `fer2013 · public test`."""
    return f"{dataset} · {split_name(split)}"


def choosing_split(splits: Collection[str]) -> str:
    """Return the model-selection split of a data set with these splits."""
    return next((split for split in CHOOSING_SPLITS if split in splits), HELD_OUT)


class Batch(NamedTuple):
    """Some faces from a reader, in the arrays of `FaceDataset`.

    `progress` is the fraction of the source that has been read, 0 to 1; `votes` are FER+ votes that
    come with the faces, uint8 (n, 10), or None.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    splits: NDArray[np.str_]
    ids: NDArray[np.str_]
    progress: float
    votes: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class FaceDataset:
    """Gray faces with their emotions.

    Args:
        name: the name it was imported under.
        images: uint8 (n, 48, 48), 0-255.
        labels: uint8 (n,), indices into `EMOTIONS`.
        splits: str (n,), each one of `SPLITS`.
        ids: str (n,), unique, stable across imports.
        votes: FER+ votes uint8 (n, 10) in the order of `VOTES`, or None.
        fingerprint: SHA-256 over pixels, labels and split names.
        excluded: bool (n,), faces that `indices` leaves out, or None.

    Raises:
        ValueError: shapes or dtypes are wrong.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    splits: NDArray[np.str_]
    ids: NDArray[np.str_]
    votes: NDArray[np.uint8] | None
    fingerprint: str
    excluded: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.images.shape != (n, SIZE, SIZE) or self.images.dtype != np.uint8:
            raise ValueError(
                f"images must be uint8 ({n}, {SIZE}, {SIZE}). "
                f"Received: {self.images.dtype} {self.images.shape}"
            )
        if self.splits.shape != (n,) or self.ids.shape != (n,):
            raise ValueError(
                f"splits and ids must have shape ({n},). "
                f"Received: {self.splits.shape} and {self.ids.shape}"
            )
        if self.votes is not None and self.votes.shape != (n, len(VOTES)):
            raise ValueError(f"votes must be ({n}, {len(VOTES)}). Received: {self.votes.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def without(self, ids: Iterable[str]) -> Self:
        """Return the same data set with these faces excluded.

        Raises:
            UserError: an id belongs to no face of this data set.
        """
        to_exclude = np.array(sorted(set(ids)), dtype="U")
        excluded = np.isin(self.ids, to_exclude)
        if excluded.sum() < len(to_exclude):
            unknown = np.setdiff1d(to_exclude, self.ids)
            raise UserError(
                f"{len(unknown):,} of the faces to exclude are not in data set '{self.name}', "
                f"among them '{unknown[0]}': create the list again."
            )
        return replace(self, excluded=excluded)

    def split_names(self) -> list[str]:
        """Return the splits that hold at least one face, in the order of `SPLITS`."""
        present = set(np.unique(self.splits).tolist())
        return [split for split in SPLITS if split in present]

    def choosing_split(self) -> str:
        """Return the model-selection split, on which epochs and models are chosen."""
        return choosing_split(self.split_names())

    def indices(self, split: str, seed: int = 0) -> NDArray[np.intp]:
        """Return the positions of a split's faces, without excluded ones.

        Args:
            split: one of the data set's splits; or `held_out`, if that is the model-selection
                split.
            seed: draws the held-out tenth, which never separates duplicates.

        Raises:
            UserError: no face belongs to this split, or all of them are excluded.
        """
        if split == HELD_OUT and self.choosing_split() == HELD_OUT:
            return self._without_excluded(self._held_out(seed), split)
        return self._without_excluded(self._of_split(split), split)

    def training_indices(self, seed: int = 0) -> NDArray[np.intp]:
        """Return the positions of the faces to fit on: `train`, less the held-out tenth if any."""
        train = self.indices("train")
        if self.choosing_split() != HELD_OUT:
            return train
        return self._without_excluded(np.setdiff1d(train, self._held_out(seed)), "train")

    def _of_split(self, split: str) -> NDArray[np.intp]:
        indices = np.flatnonzero(self.splits == split)
        if not len(indices):
            choices = dict.fromkeys([*self.split_names(), self.choosing_split()])
            raise UserError(
                f"Data set '{self.name}' has no split '{split}'. Choose from: {', '.join(choices)}."
            )
        return indices

    def _without_excluded(self, faces: NDArray[np.intp], split: str) -> NDArray[np.intp]:
        remaining = faces if self.excluded is None else faces[~self.excluded[faces]]
        if not len(remaining):
            raise UserError(
                f"Every face of '{split}' in data set '{self.name}' is excluded: "
                "choose another exclusion list."
            )
        return remaining

    def _held_out(self, seed: int) -> NDArray[np.intp]:
        train = self._of_split("train")
        # One item of raw bytes per image, so that numpy compares whole images.
        images = self.images[train].reshape(len(train), -1).view(f"V{SIZE * SIZE}")[:, 0]
        _, first_index, image_index = np.unique(images, return_index=True, return_inverse=True)
        labels = self.labels[train[first_index]]  # of each distinct image
        order = np.random.default_rng(seed).permutation(len(first_index))
        held_out: list[NDArray[np.intp]] = []
        for label in range(len(EMOTIONS)):
            group = order[labels[order] == label]
            at_least = 1 if len(group) > 1 else 0
            held_out.append(group[: max(round(len(group) / 10), at_least)])
        mask = np.isin(image_index, np.concatenate(held_out))
        if not mask.any():
            raise UserError(
                f"Data set '{self.name}' is too small to hold out a tenth of its training faces: "
                "it needs an emotion with 2 different faces, or a 'validation' split."
            )
        return np.asarray(train[mask])

    def counts(self) -> dict[str, dict[str, int]]:
        """Return split → emotion → number of faces."""
        return {
            split: {
                emotion: int(np.sum(self.labels[self.splits == split] == label))
                for label, emotion in enumerate(EMOTIONS)
            }
            for split in self.split_names()
        }
