"""Batches of faces in the order and with the augmentation of an epoch."""

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.config.augmentation import Augmentation
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.training.augmentation import augment
from pipeline.training.targets import (
    Teacher,
    class_weights,
    one_hot,
    training_counts,
    training_targets,
)

_MIXUP = 1  # keeps the seed of a batch's pairs apart from those of the augmentation


class FaceBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of (faces, targets[, sample weights]) for any Keras backend.

    The order, the augmentation and the pairs of mixup follow from (seed, epoch, face or batch)
    alone, so that an epoch is the same after a resume.

    Mixup (Zhang et al. 2018, https://arxiv.org/abs/1710.09412) adds to every face another one of
    its batch, after both were augmented, and mixes their targets alike. A sample weight is the
    target times the class weights: of a mixed one the mix of both faces' weights.

    A teacher (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) sees each face as the network
    does, after augmentation and before mixup (Beyer et al. 2022, https://arxiv.org/abs/2106.05237).

    Args:
        images: uint8 (n, 48, 48), those of a whole data set.
        targets: float32 (n, 7), distributions over the emotions, those of a whole data set.
        indices: positions of the faces.
        batch_size: faces per batch; the last one may have fewer.
        augmentation: how faces are augmented; None for unchanged faces in the given order.
        class_weights: float32 (7,), one per emotion, or None.
        teacher: a function whose probabilities are blended into the targets, or None.
        distillation_weight: the share of these probabilities.
        mixup: alpha of the Beta distribution of a pair's shares, 0 for no mixup.
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
        teacher: Teacher | None = None,
        distillation_weight: float = 0.0,
        mixup: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._images, self._targets, self._indices = images, targets, indices
        self._batch_size, self._augmentation = batch_size, augmentation
        self._class_weights, self._mixup, self._seed = class_weights, mixup, seed
        self._teacher, self._distillation_weight = teacher, distillation_weight
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Set the order and the augmentation of an epoch; call it before the epoch begins."""
        self._epoch = epoch
        self._order = self._indices
        if self._augmentation:
            self._order = np.random.default_rng((self._seed, epoch)).permutation(self._indices)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], ...]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images = np.stack([self._face(int(i)) for i in chosen])
        faces, targets = images[..., np.newaxis].astype(np.float32), self._targets[chosen]
        if self._teacher is not None:
            weight = self._distillation_weight
            targets = weight * self._teacher(images) + (1 - weight) * targets
        if self._mixup:
            rng = np.random.default_rng((self._seed, self._epoch, index, _MIXUP))
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
    faces: NDArray[np.float32], targets: NDArray[np.float32], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    partners = rng.permutation(len(faces))
    shares = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    share = shares[:, np.newaxis]
    face_share = share[..., np.newaxis, np.newaxis]
    return (
        face_share * faces + (1 - face_share) * faces[partners],
        share * targets + (1 - share) * targets[partners],
    )


def make_batches(
    config: TrainConfig, dataset: FaceDataset, teacher: Teacher | None = None
) -> tuple[FaceBatches, FaceBatches]:
    """Return the batches to fit on and, never augmented, those to choose the epoch on.

    Args:
        config: the configuration.
        dataset: the faces.
        teacher: the configured teacher, see `pipeline.vision.teacher`; None if it names none.

    Raises:
        UserError: a split is missing, or the targets need votes that the data set lacks.
        ValueError: the configuration names a teacher that is not given.
    """
    if teacher is None and config.teacher != "none":
        raise ValueError(f"The teacher '{config.teacher}' is not given.")
    fit_on = dataset.training_indices(config.seed)
    choose_on = dataset.indices(dataset.choosing_split(), config.seed)
    weights = None
    if config.class_weights != "none":
        counts = training_counts(dataset, config.seed)
        weights = class_weights(counts, config.class_weights, config.given_weights)
    training = FaceBatches(
        dataset.images,
        training_targets(config, dataset),
        fit_on,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
        class_weights=weights,
        teacher=teacher,
        distillation_weight=config.distillation_weight,
        mixup=config.mixup,
        seed=config.seed,
    )
    validation = FaceBatches(dataset.images, one_hot(dataset.labels), choose_on, batch_size=256)
    return training, validation
