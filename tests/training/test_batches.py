import numpy as np
import pytest

from pipeline.training.augmentation import Augmentation
from pipeline.training.class_weights import class_weights

IMAGES = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 3, 3, 3], np.uint8)


def batches(**options):
    from pipeline.training.batches import FaceBatches

    return FaceBatches(IMAGES, LABELS, np.arange(10), batch_size=4, **options)


def faces_of(data) -> list[int]:
    return [int(face[24, 24, 0]) for i in range(len(data)) for face in data[i][0]]


def test_every_face_comes_once_with_its_own_label():
    data = batches(augmentation=Augmentation(), seed=3)

    pairs = [
        (int(face[24, 24, 0]), int(target.argmax()))
        for i in range(len(data))
        for face, target in zip(*data[i], strict=True)
    ]

    assert [len(data[i][0]) for i in range(len(data))] == [4, 4, 2]
    assert sorted(pairs) == list(enumerate(LABELS.tolist()))


def test_the_order_follows_from_seed_and_epoch():
    data = batches(augmentation=Augmentation(), seed=3)
    first = faces_of(data)
    data.set_epoch(1)
    second = faces_of(data)
    data.set_epoch(0)

    assert faces_of(data) == first
    assert sorted(second) == sorted(first) and second != first
    assert faces_of(batches(augmentation=Augmentation(), seed=4)) != first


def test_without_augmentation_faces_come_as_they_are_in_order():
    data = batches()

    assert faces_of(data) == list(range(10))
    assert data[0][0].dtype == np.float32 and data[0][0].shape == (4, 48, 48, 1)


def test_class_weights_become_sample_weights():
    weights = np.arange(7, dtype=np.float32)

    _, targets, sample_weights = batches(class_weights=weights)[0]

    np.testing.assert_array_equal(sample_weights, weights[targets.argmax(axis=1)])


@pytest.mark.parametrize("scheme", ["none", "sqrt", "balanced"])
def test_class_weights_have_mean_one_over_the_faces(scheme):
    assert class_weights(LABELS, scheme)[LABELS].mean() == pytest.approx(1)


def test_balanced_weights_are_inverse_to_the_counts_and_sqrt_lies_between():
    balanced, sqrt = class_weights(LABELS, "balanced"), class_weights(LABELS, "sqrt")

    assert balanced[0] / balanced[3] == pytest.approx(4)
    assert sqrt[0] / sqrt[3] == pytest.approx(2)
    assert class_weights(LABELS, "none").tolist() == [1] * 7


def test_an_emotion_without_faces_weighs_nothing():
    weights = class_weights(np.array([0, 0, 1], np.uint8), "balanced")

    assert weights[2:].tolist() == [0] * 5
    assert np.isfinite(weights).all()
