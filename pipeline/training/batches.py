"""Faces in the order, and with the changes, that a training epoch sees them."""

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS
from pipeline.training.augmentation import Augmentation, augment


class FaceBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of (faces, one-hot targets[, sample weights]) for any Keras backend.

    The order and the augmentation follow from (seed, epoch, face) alone, so that an epoch is the
    same however it was reached.

    Args:
        images: uint8 (n, 48, 48), all of a data set's.
        labels: uint8 (n,), all of a data set's.
        indices: positions of the faces to give.
        batch_size: faces a batch; the last one may have fewer.
        augmentation: how faces are changed, None to give them as they are, in their order.
        class_weights: float32 (7,), one an emotion, or None.
        seed: the run's seed.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        indices: NDArray[np.intp],
        *,
        batch_size: int,
        augmentation: Augmentation | None = None,
        class_weights: NDArray[np.float32] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._images, self._labels, self._indices = images, labels, indices
        self._batch_size, self._augmentation = batch_size, augmentation
        self._class_weights, self._seed = class_weights, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Take the order and the changes of this epoch; call it before the epoch begins."""
        self._epoch = epoch
        self._order = self._indices
        if self._augmentation:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._indices)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], ...]:
        chosen = self._order[number * self._batch_size : (number + 1) * self._batch_size]
        faces = [self._face(int(i)) for i in chosen]
        labels = self._labels[chosen]
        batch = (
            np.stack(faces)[..., np.newaxis].astype(np.float32),
            np.eye(len(EMOTIONS), dtype=np.float32)[labels],
        )
        return batch if self._class_weights is None else (*batch, self._class_weights[labels])

    def _face(self, index: int) -> NDArray[np.uint8]:
        face: NDArray[np.uint8] = self._images[index]
        if self._augmentation is None:
            return face
        return augment(face, self._augmentation, (self._seed, self._epoch, index))
