"""A set of labelled faces in memory-mapped arrays. Knows nothing of files or of how it is used."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

SIZE = 48
SPLITS = ("train", "validation", "test", "public_test", "private_test")
HELD_OUT = "held_out"
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


class Batch(NamedTuple):
    """Some faces on their way from a reader to the disk, in the arrays of `FaceDataset`.

    `progress` is how much of the source has been read (0 to 1), `skipped` how many pictures were
    passed over since the batch before.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    splits: NDArray[np.str_]
    ids: NDArray[np.str_]
    progress: float
    skipped: int = 0


@dataclass(frozen=True)
class FaceDataset:
    """Grey faces with their emotions.

    Args:
        name: the name it was imported under.
        images: uint8 (n, 48, 48), 0-255.
        labels: uint8 (n,), indices into `EMOTIONS`.
        splits: str (n,), each one of `SPLITS`.
        ids: str (n,), unique and stable between imports.
        votes: FER+ votes uint8 (n, 10) in the order of `VOTES`, or None.
        fingerprint: SHA-256 over pixels, labels and split names.
        excluded: bool (n,), the faces that no split gives, or None.
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
            raise ValueError(f"splits and ids must have {n} entries, as labels do.")
        if self.votes is not None and self.votes.shape != (n, len(VOTES)):
            raise ValueError(f"votes must be ({n}, {len(VOTES)}). Received: {self.votes.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def without(self, ids: Iterable[str]) -> Self:
        """Return the same data set, of which these faces are passed over.

        Raises:
            UserError: an id belongs to no face of this data set.
        """
        unwanted = np.array(sorted(set(ids)), dtype="U")
        excluded = np.isin(self.ids, unwanted)
        if excluded.sum() < len(unwanted):
            strange = np.setdiff1d(unwanted, self.ids)
            raise UserError(
                f"{len(strange):,} of the faces to exclude are not in data set '{self.name}', "
                f"among them '{strange[0]}': make the list again."
            )
        return replace(self, excluded=excluded)

    def split_names(self) -> list[str]:
        """Return the splits that hold at least one face, in the order of `SPLITS`."""
        present = set(np.unique(self.splits).tolist())
        return [split for split in SPLITS if split in present]

    def indices(self, split: str, seed: int = 0) -> NDArray[np.intp]:
        """Return the positions of a split's faces.

        Args:
            split: one of the data set's splits, or `held_out`: the tenth of `train` that stands
                in where there is no `public_test` and no `validation`.
            seed: draws the held-out tenth, of which identical pictures are in or out together.

        Raises:
            UserError: no face belongs to this split, or all of them are excluded.
        """
        if split == HELD_OUT == self.choosing_split():
            return self._kept(self._held_out(seed), split)
        return self._kept(self._members(split), split)

    def _members(self, split: str) -> NDArray[np.intp]:
        found = np.flatnonzero(self.splits == split)
        if not len(found):
            choices = dict.fromkeys([*self.split_names(), self.choosing_split()])
            raise UserError(
                f"Data set '{self.name}' has no split '{split}'. Choose from: {', '.join(choices)}."
            )
        return found

    def _kept(self, faces: NDArray[np.intp], split: str) -> NDArray[np.intp]:
        kept = faces if self.excluded is None else faces[~self.excluded[faces]]
        if not len(kept):
            raise UserError(
                f"Every face of '{split}' in data set '{self.name}' is excluded: "
                "choose another exclusion list."
            )
        return kept

    def choosing_split(self) -> str:
        """Return the split on which epochs and models are chosen."""
        present = self.split_names()
        return next((s for s in ("public_test", "validation") if s in present), HELD_OUT)

    def training_indices(self, seed: int = 0) -> NDArray[np.intp]:
        """Return the positions of the faces to fit on: `train` less a held-out tenth, if one is."""
        train = self.indices("train")
        if self.choosing_split() != HELD_OUT:
            return train
        return self._kept(np.setdiff1d(train, self._held_out(seed)), "train")

    def _held_out(self, seed: int) -> NDArray[np.intp]:
        train = self._members("train")
        pictures = self.images[train].reshape(len(train), -1).view(f"V{SIZE * SIZE}")[:, 0]
        _, first, picture = np.unique(pictures, return_index=True, return_inverse=True)
        labels = self.labels[train[first]]  # of each different picture
        order = np.random.default_rng(seed).permutation(len(first))
        held: list[NDArray[np.intp]] = []
        for label in range(len(EMOTIONS)):
            mine = order[labels[order] == label]
            held.append(mine[: max(round(len(mine) / 10), len(mine) > 1)])
        out = np.isin(picture, np.concatenate(held))
        if not out.any():
            raise UserError(
                f"Data set '{self.name}' is too small to hold out a tenth of its training faces: "
                "it needs an emotion with 2 different faces, or a 'validation' split."
            )
        return np.asarray(train[out])

    def counts(self) -> dict[str, dict[str, int]]:
        """Return split → emotion → number of faces."""
        return {
            split: {
                emotion: int(np.sum(self.labels[self.splits == split] == label))
                for label, emotion in enumerate(EMOTIONS)
            }
            for split in self.split_names()
        }
