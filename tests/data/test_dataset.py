import numpy as np
import pytest

from pipeline.data.dataset import HELD_OUT, SPLITS, VOTES, FaceDataset
from pipeline.errors import UserError
from tests.data.dataset_makers import make_faces


def make(labels, splits="train", images=None) -> FaceDataset:
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (len(labels), 48, 48), dtype=np.uint8)
    return make_faces(images, labels, splits)


def test_arrays_that_do_not_fit_are_refused():
    arrays = vars(make([0, 1, 2]))
    for change in (
        {"images": np.zeros((3, 48, 47), np.uint8)},
        {"images": np.zeros((2, 48, 48), np.uint8)},
        {"images": np.zeros((3, 48, 48), np.float32)},
        {"splits": np.array(["train"] * 2)},
        {"votes": np.zeros((3, len(VOTES) - 1), np.uint8)},
    ):
        with pytest.raises(ValueError, match=r"must .*Received: "):
            FaceDataset(**{**arrays, **change})


def test_splits_keep_their_order_and_count_every_emotion():
    faces = make([0, 3, 2, 3], ["test", "train", "test", "public_test"])
    assert faces.split_names() == ["train", "test", "public_test"]
    assert faces.indices("test").tolist() == [0, 2]
    assert list(faces.counts()) == faces.split_names()
    assert list(faces.counts()["test"].values()) == [1, 0, 1, 0, 0, 0, 0]
    with pytest.raises(UserError, match="no split 'x'. Choose from: train, test, public_test."):
        faces.indices("x")


def test_epochs_are_chosen_on_public_test_else_validation_else_a_held_out_tenth():
    for present, chosen in (
        (SPLITS, "public_test"),
        (("train", "validation", "test"), "validation"),
        (("train", "test", "private_test"), HELD_OUT),
        (("train",), HELD_OUT),
    ):
        faces = make([0] * 30, [present[i % len(present)] for i in range(30)])
        held, train = faces.indices(faces.choosing_split()), faces.training_indices()
        assert faces.choosing_split() == chosen
        assert not set(held) & set(train) and set(faces.splits[train]) == {"train"}
        assert (len(train) == len(faces.indices("train"))) == (chosen != HELD_OUT)
        assert chosen != HELD_OUT or set(faces.splits[held]) == {"train"}


def test_the_held_out_tenth_is_stratified_and_drawn_by_its_seed():
    labels = np.repeat(np.arange(7), [200, 100, 60, 40, 20, 10, 2])
    faces = make(np.random.default_rng(1).permutation(labels))
    held = faces.indices(HELD_OUT, seed=3)
    assert np.bincount(faces.labels[held]).tolist() == [20, 10, 6, 4, 2, 1, 1]
    assert sorted([*held, *faces.training_indices(seed=3)]) == list(range(len(labels)))
    np.testing.assert_array_equal(held, faces.indices(HELD_OUT, seed=3))
    assert set(held) != set(faces.indices(HELD_OUT, seed=2))


def test_duplicates_are_held_out_together_whatever_their_labels():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        distinct = rng.integers(0, 256, (60, 48, 48), dtype=np.uint8)
        which = np.concatenate([np.arange(60), rng.integers(0, 60, 90)])
        faces = make(rng.integers(0, 7, 150), images=distinct[which])
        held, train = faces.indices(HELD_OUT, seed), faces.training_indices(seed)
        assert len(held) and not set(which[held]) & set(which[train]), seed


def test_too_few_faces_to_hold_any_out_are_refused():
    for labels, images in (
        ([0], None),
        ([0, 1, 2], None),
        ([0] * 20, np.zeros((20, 48, 48), np.uint8)),
    ):
        with pytest.raises(UserError, match="too small to hold out a tenth"):
            make(labels, images=images).indices(HELD_OUT)


def test_splits_skip_excluded_faces():
    faces = make([0] * 24, ["train"] * 20 + ["test"] * 4)
    left = faces.without(["f1", "f21"])
    assert left.indices("test").tolist() == [20, 22, 23]
    assert 1 in faces.indices("train") and 1 not in left.indices("train")
    assert len(left) == len(faces) and left.fingerprint == faces.fingerprint

    for split in ("train", "test"):
        without = faces.without(faces.ids[faces.splits == split].tolist())
        with pytest.raises(UserError, match=f"Every face of '{split}' in data set 'faces' is excl"):
            without.indices(split)


def test_the_held_out_tenth_is_the_same_but_for_the_excluded():
    faces = make([i % 7 for i in range(100)], ["train"] * 90 + ["test"] * 10)
    for seed in range(5):
        held, train = faces.indices(HELD_OUT, seed), faces.training_indices(seed)
        excluded = [*held[:2], *train[:9]]
        left = faces.without(f"f{i}" for i in excluded)
        np.testing.assert_array_equal(left.indices(HELD_OUT, seed), np.setdiff1d(held, excluded))
        np.testing.assert_array_equal(left.training_indices(seed), np.setdiff1d(train, excluded))

    left = faces.without(f"f{i}" for i in faces.training_indices())
    assert len(left.indices(HELD_OUT))
    with pytest.raises(UserError, match="Every face of 'train'"):
        left.training_indices()
