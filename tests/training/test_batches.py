import numpy as np
import pytest

from pipeline.config.augmentation import Augmentation
from pipeline.config.options import build_config
from pipeline.runs import find_model
from pipeline.training.targets import class_weights, one_hot, training_counts
from tests.data.dataset_makers import make_faces, noise, votes

IMAGES = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 3, 3, 3], np.uint8)
WEIGHTS = np.arange(7, dtype=np.float32)
UNCHANGED = Augmentation(rotation=0, zoom=0, shift=0, flip=False)


def batches(targets=None, **options):
    from pipeline.training.batches import FaceBatches

    targets = one_hot(LABELS) if targets is None else targets
    return FaceBatches(IMAGES, targets, np.arange(10), batch_size=4, **options)


def batches_of(faces, **fields):
    from pipeline.training.batches import make_batches
    from pipeline.vision.teacher import load_teacher

    config = build_config({}, {"dataset": "d", **fields})
    return make_batches(config, faces, load_teacher(config))


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


def test_order_and_mixup_follow_from_seed_and_epoch():
    data = batches(augmentation=Augmentation(), mixup=0.4, seed=3)
    first, later = data[0], data[1]
    data.set_epoch(1)
    second = data[0]
    data.set_epoch(0)
    for before, after in zip(first, data[0], strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], later[0])

    data = batches(augmentation=Augmentation(), seed=3)
    order = faces_of(data)
    data.set_epoch(1)
    assert sorted(faces_of(data)) == sorted(order) and faces_of(data) != order
    assert faces_of(batches(augmentation=Augmentation(), seed=4)) != order


def test_without_augmentation_faces_come_as_they_are_in_order():
    data = batches()

    assert faces_of(data) == list(range(10))
    assert data[0][0].dtype == np.float32 and data[0][0].shape == (4, 48, 48, 1)


def test_a_sample_weight_is_the_mean_of_its_targets_class_weights():
    _, targets, weights = batches(class_weights=WEIGHTS)[0]
    np.testing.assert_array_equal(weights, WEIGHTS[targets.argmax(axis=1)])

    soft = np.zeros((10, 7), np.float32)
    soft[:, [1, 3]] = 0.25, 0.75
    _, _, weights = batches(soft, class_weights=WEIGHTS)[0]
    np.testing.assert_allclose(weights, 0.25 * 1 + 0.75 * 3)


@pytest.mark.parametrize("split", ["validation", "private_test"])
def test_the_class_weights_follow_from_the_faces_that_are_fitted_on(split):
    labels = np.repeat(np.arange(7, dtype=np.uint8), [30, 20, 20, 50, 20, 20, 40])
    splits = np.where(np.arange(200) % 10 == 0, split, "train")
    faces = make_faces([noise(i) for i in range(200)], labels, splits)
    counts = training_counts(faces)

    training, _ = batches_of(faces, class_weights="balanced")

    targets, weights = (
        np.concatenate([training[i][part] for i in range(len(training))]) for part in (1, 2)
    )
    assert targets.sum(axis=0).tolist() == counts.tolist()
    assert (counts.sum() == 180) == (split == "validation")  # else a tenth is held out
    assert weights == pytest.approx(targets @ class_weights(counts, "balanced"), rel=1e-5)


def soft_targets() -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(7), 10).astype(np.float32)


def mixes(targets, pair, face, target) -> bool:
    """Return whether a face of one gray level, its index, and a target mix a pair alike."""
    own, other = pair
    gray = float(face[0, 0, 0])
    share = 1.0 if own == other else (gray - other) / (own - other)
    expected = share * targets[own] + (1 - share) * targets[other]
    near = abs(share * own + (1 - share) * other - gray) < 1e-4
    return near and np.allclose(target, expected, atol=1e-4)


@pytest.mark.parametrize("targets", [one_hot(LABELS), soft_targets()], ids=["labels", "votes"])
def test_mixup_mixes_faces_targets_and_weights_alike(targets):
    weights = np.arange(1, 8, dtype=np.float32)
    options = {"augmentation": UNCHANGED, "class_weights": weights, "seed": 3}
    plain, mixed = batches(targets, **options), batches(targets, mixup=1.0, **options)
    partners = 0

    for number in range(len(mixed)):
        ids = [int(face[0, 0, 0]) for face in plain[number][0]]
        for own, face, target, weight in zip(ids, *mixed[number], strict=True):
            assert np.ptp(face) < 1e-4 and target.sum() == pytest.approx(1, abs=1e-5)
            pairs = [(own, other) for other in ids if mixes(targets, (own, other), face, target)]
            assert pairs
            assert weight == pytest.approx(target @ weights, rel=1e-5)
            partners += pairs[0][1] != own
    assert partners > 3


def test_a_small_alpha_mixes_little_and_a_large_one_by_halves():
    def shares(alpha):
        data = batches(np.eye(10, 7, dtype=np.float32), augmentation=UNCHANGED, mixup=alpha)
        targets = []
        for epoch in range(50):
            data.set_epoch(epoch)
            targets += [target.max() for target in data[0][1] if 0 < target.max() < 1]
        return np.array(targets)

    assert np.median(shares(0.1)) > 0.95
    assert 0.5 <= np.median(shares(10.0)) < 0.65


@pytest.mark.slow
def test_a_teacher_predicts_each_face_as_the_network_sees_it():
    from pipeline.training.keras_model import load_keras

    faces = make_faces([noise(i) for i in range(14)], splits=["train"] * 7 + ["validation"] * 7)
    training, validation = batches_of(faces, teacher="custom_cnn", distillation_weight="0.75")
    labeled, _ = batches_of(faces)

    (seen, targets), (given, labels) = training[0], labeled[0]

    predicted = load_keras(find_model("custom_cnn")).predict(seen, verbose=0)
    np.testing.assert_array_equal(seen, given)
    np.testing.assert_allclose(targets, 0.75 * predicted + 0.25 * labels, atol=1e-4)
    assert set(validation[0][1].ravel()) == {0, 1}


def test_validation_is_neither_augmented_nor_mixed_nor_voted():
    voted_happy = [votes(happiness=10)] * 14
    splits = ["train"] * 7 + ["validation"] * 7
    faces = make_faces([IMAGES[3]] * 14, splits=splits, votes=voted_happy)

    training, validation = batches_of(
        faces, mixup="1", targets="votes", class_weights="sqrt", brightness="1"
    )

    (images, targets), (_, voted, _) = validation[0], training[0]
    np.testing.assert_array_equal(images[..., 0], faces.images[7:])
    np.testing.assert_array_equal(targets.argmax(axis=1), faces.labels[7:])
    np.testing.assert_array_equal(voted, one_hot(np.full(7, 3)))
