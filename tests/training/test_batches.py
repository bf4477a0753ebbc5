import numpy as np
import pytest

from pipeline.runs import find_model
from pipeline.training.augmentation import Augmentation
from pipeline.training.class_weights import class_weights
from pipeline.training.options import build_config
from pipeline.training.targets import one_hot
from tests.data.dataset_makers import make_faces, noise, votes

IMAGES = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 3, 3, 3], np.uint8)


UNCHANGED = Augmentation(rotation=0, zoom=0, shift=0, flip=False)


def batches(targets=None, **options):
    from pipeline.training.batches import FaceBatches

    targets = one_hot(LABELS) if targets is None else targets
    return FaceBatches(IMAGES, targets, np.arange(10), batch_size=4, **options)


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


def test_a_soft_target_weighs_the_mean_of_its_emotions():
    targets = np.zeros((10, 7), np.float32)
    targets[:, [1, 3]] = 0.25, 0.75

    _, _, weights = batches(targets, class_weights=np.arange(7, dtype=np.float32))[0]

    np.testing.assert_allclose(weights, 0.25 * 1 + 0.75 * 3)


def soft_targets() -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(7), 10).astype(np.float32)


@pytest.mark.parametrize("targets", [None, soft_targets()], ids=["labels", "votes"])
def test_mixup_mixes_faces_targets_and_weights_alike(targets):
    known = one_hot(LABELS) if targets is None else targets
    weights = np.arange(1, 8, dtype=np.float32)
    options = {"augmentation": UNCHANGED, "class_weights": weights, "seed": 3}
    plain, mixed = batches(targets, **options), batches(targets, mixup=1.0, **options)
    partners = 0

    for number in range(len(mixed)):
        ids = [int(face[0, 0, 0]) for face in plain[number][0]]
        for own, face, target, weight in zip(ids, *mixed[number], strict=True):
            assert np.ptp(face) < 1e-4 and target.sum() == pytest.approx(1, abs=1e-5)
            pairs = [(own, other) for other in ids if mixes(known, (own, other), face, target)]
            assert pairs
            assert weight == pytest.approx(target @ weights, rel=1e-5)
            partners += pairs[0][1] != own
    assert partners > 3


def test_a_teacher_says_what_it_sees_in_the_face_as_given():
    from pipeline.training.batches import make_batches
    from pipeline.training.keras_model import load_keras

    faces = make_faces([noise(i) for i in range(14)], splits=["train"] * 7 + ["validation"] * 7)
    taught = {"teacher": "custom_cnn", "teacher_share": "0.75"}
    training, validation = make_batches(build_config({}, {"dataset": "d", **taught}), faces)
    labelled, _ = make_batches(build_config({}, {"dataset": "d"}), faces)

    (seen, targets), (given, labels) = training[0], labelled[0]

    said = load_keras(find_model("custom_cnn")).predict(seen, verbose=0)
    np.testing.assert_array_equal(seen, given)
    np.testing.assert_allclose(targets, 0.75 * said + 0.25 * labels, atol=1e-5)
    assert set(validation[0][1].ravel()) == {0, 1}


def mixes(known, pair, face, target) -> bool:
    """Tell whether a face of one grey, which is its number, and a target mix a pair alike."""
    own, other = pair
    grey = float(face[0, 0, 0])
    share = 1.0 if own == other else (grey - other) / (own - other)
    expected = share * known[own] + (1 - share) * known[other]
    near = abs(share * own + (1 - share) * other - grey) < 1e-4
    return near and np.allclose(target, expected, atol=1e-4)


def test_mixup_follows_from_seed_epoch_and_batch():
    data = batches(augmentation=Augmentation(), mixup=0.4, seed=3)
    first, later = data[0], data[1]
    data.set_epoch(1)
    second = data[0]
    data.set_epoch(0)

    for before, after in zip(first, data[0], strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], later[0])


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


def test_validation_is_neither_changed_nor_mixed_nor_voted():
    from pipeline.training.batches import make_batches

    said = [votes(happiness=10)] * 14
    faces = make_faces([IMAGES[3]] * 14, splits=["train"] * 7 + ["validation"] * 7, votes=said)
    fields = {"mixup": "1", "targets": "votes", "class_weights": "sqrt", "brightness": "1"}

    training, validation = make_batches(build_config({}, {"dataset": "d", **fields}), faces)

    (images, targets), (_, voted, _) = validation[0], training[0]
    np.testing.assert_array_equal(images[..., 0], faces.images[7:])
    np.testing.assert_array_equal(targets.argmax(axis=1), faces.labels[7:])
    np.testing.assert_array_equal(voted, one_hot(np.full(7, 3)))


@pytest.mark.parametrize("scheme", ["none", "sqrt", "balanced", "given"])
def test_class_weights_have_mean_one_over_the_faces(scheme):
    weights = class_weights(LABELS, scheme, given=(3, 1, 2, 5, 1, 1, 1))

    assert weights[LABELS].mean() == pytest.approx(1)


def test_given_weights_keep_their_ratios():
    given = (1, 5, 1, 0.5, 2, 1, 1)

    weights = class_weights(LABELS, "given", given)

    np.testing.assert_allclose(weights / weights[0], given, rtol=1e-6)


def test_balanced_weights_are_inverse_to_the_counts_and_sqrt_lies_between():
    balanced, sqrt = class_weights(LABELS, "balanced"), class_weights(LABELS, "sqrt")

    assert balanced[0] / balanced[3] == pytest.approx(4)
    assert sqrt[0] / sqrt[3] == pytest.approx(2)
    assert class_weights(LABELS, "none").tolist() == [1] * 7


def test_an_emotion_without_faces_weighs_nothing():
    weights = class_weights(np.array([0, 0, 1], np.uint8), "balanced")

    assert weights[2:].tolist() == [0] * 5
    assert np.isfinite(weights).all()
