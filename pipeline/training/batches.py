"""Faces in the order, and with the changes, that a training epoch sees them."""

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.training.augmentation import Augmentation, augment
from pipeline.training.class_weights import class_weights
from pipeline.training.config import TrainConfig
from pipeline.training.keras_model import load_keras
from pipeline.training.targets import one_hot, teacher_of, training_targets

_MIXUP = 1  # sets the seed of a batch's pairs apart from those of the faces' changes


class FaceBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of (faces, targets[, sample weights]) for any Keras backend.

    The order, the augmentation and the pairs of mixup follow from (seed, epoch, face or batch)
    alone, so that an epoch is the same however it was reached.

    Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412) adds to every face another one of
    its batch, after both were augmented, and mixes their targets alike. A sample weighs its target
    times the class weights: of a mixed one that is the mix of both faces' weights.

    A teacher (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) sees each face as it is given,
    after augmentation and before mixup (Beyer et al. 2022, https://arxiv.org/abs/2106.05237).

    Args:
        images: uint8 (n, 48, 48), all of a data set's.
        targets: float32 (n, 7), distributions over the emotions, all of a data set's.
        indices: positions of the faces to give.
        batch_size: faces a batch; the last one may have fewer.
        augmentation: how faces are changed, None to give them as they are, in their order.
        class_weights: float32 (7,), one an emotion, or None.
        teacher: a model whose probabilities are blended into the targets, or None.
        teacher_share: their share.
        mixup: alpha of the Beta distribution that a pair's shares are drawn from, 0 for no mixup.
        seed: the run's seed.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        indices: NDArray[np.intp],
        *,
        batch_size: int,
        augmentation: Augmentation | None = None,
        class_weights: NDArray[np.float32] | None = None,
        teacher: keras.Model | None = None,
        teacher_share: float = 0.0,
        mixup: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._images, self._targets, self._indices = images, targets, indices
        self._batch_size, self._augmentation = batch_size, augmentation
        self._class_weights, self._mixup, self._seed = class_weights, mixup, seed
        self._teacher, self._teacher_share = teacher, teacher_share
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
        faces = np.stack([self._face(int(i)) for i in chosen])[..., np.newaxis].astype(np.float32)
        targets = self._targets[chosen]
        if self._teacher is not None:
            share, taught = self._teacher_share, self._teacher.predict_on_batch(faces)
            targets = share * np.asarray(taught, np.float32) + (1 - share) * targets
        if self._mixup:
            rng = np.random.default_rng((self._seed, self._epoch, number, _MIXUP))
            faces, targets = _mix(faces, targets, self._mixup, rng)
        if self._class_weights is None:
            return faces, targets
        return faces, targets, targets @ self._class_weights

    def _face(self, index: int) -> NDArray[np.uint8]:
        face: NDArray[np.uint8] = self._images[index]
        if self._augmentation is None:
            return face
        return augment(face, self._augmentation, (self._seed, self._epoch, index))


def _mix(
    faces: NDArray[np.float32],
    targets: NDArray[np.float32],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    partners = rng.permutation(len(faces))
    shares = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    own, other = shares[:, np.newaxis], 1 - shares[:, np.newaxis]
    return (
        own[..., np.newaxis, np.newaxis] * faces
        + other[..., np.newaxis, np.newaxis] * faces[partners],
        own * targets + other * targets[partners],
    )


def make_batches(config: TrainConfig, dataset: FaceDataset) -> tuple[FaceBatches, FaceBatches]:
    """Return the batches to fit on and those to choose the epoch on, which are never changed.

    Raises:
        UserError: a split is not there, the targets need votes that the data set has not, or the
            teacher cannot be loaded.
    """
    fit_on = dataset.training_indices(config.seed)
    choose_on = dataset.indices(dataset.choosing_split(), config.seed)
    weights = None
    if config.class_weights != "none":
        labels = dataset.labels[fit_on]
        weights = class_weights(labels, config.class_weights, config.given_weights)
    teacher = teacher_of(config)
    training = FaceBatches(
        dataset.images,
        training_targets(config, dataset),
        fit_on,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
        class_weights=weights,
        teacher=load_keras(teacher) if teacher else None,
        teacher_share=config.teacher_share,
        mixup=config.mixup,
        seed=config.seed,
    )
    validation = FaceBatches(dataset.images, one_hot(dataset.labels), choose_on, batch_size=256)
    return training, validation
