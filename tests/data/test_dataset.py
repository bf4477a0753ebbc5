import numpy as np
import pytest

from pipeline.data.dataset import HELD_OUT, SPLITS, VOTES, FaceDataset
from pipeline.errors import UserError


def make(labels, splits="train", images=None, votes=None) -> FaceDataset:
    n = len(labels)
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (n, 48, 48), dtype=np.uint8)
    return FaceDataset(
        name="faces",
        images=images,
        labels=np.array(labels, np.uint8),
        splits=np.array([splits] * n if isinstance(splits, str) else splits),
        ids=np.array([str(i) for i in range(n)]),
        votes=votes,
        fingerprint="0" * 64,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((3, 48, 47), np.uint8)},
        {"images": np.zeros((2, 48, 48), np.uint8)},
        {"images": np.zeros((3, 48, 48), np.float32)},
        {"splits": ["train"] * 2},
        {"votes": np.zeros((3, len(VOTES) - 1), np.uint8)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="must"):
        make([0, 1, 2], **change)


def test_splits_are_found_in_their_order():
    faces = make([0, 1, 2, 3], ["test", "train", "test", "public_test"])
    assert faces.split_names() == ["train", "test", "public_test"]
    assert faces.indices("test").tolist() == [0, 2]
    assert len(faces) == 4


def test_an_unknown_split_names_those_there_are():
    with pytest.raises(UserError, match="has no split 'test'. Choose from: train."):
        make([0]).indices("test")


def test_counts_tell_every_emotion_of_every_split():
    counts = make([0, 3, 3], ["train", "train", "test"]).counts()
    assert list(counts) == ["train", "test"]
    assert list(counts["train"].values()) == [1, 0, 0, 1, 0, 0, 0]
    assert counts["test"]["happy"] == 1


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (SPLITS, "public_test"),
        (("train", "validation", "test"), "validation"),
        (("train", "test", "private_test"), HELD_OUT),
        (("train",), HELD_OUT),
    ],
)
def test_epochs_are_chosen_on(present, chosen):
    faces = make([0] * 30, [present[i % len(present)] for i in range(30)])
    assert faces.choosing_split() == chosen
    held = faces.indices(chosen)
    train = faces.training_indices()
    assert not set(held) & set(train)
    assert set(faces.splits[train]) == {"train"}
    assert (len(train) == len(faces.indices("train"))) == (chosen != HELD_OUT)


def test_a_tenth_of_each_emotion_is_held_out():
    labels = np.repeat(np.arange(7), [200, 100, 60, 40, 20, 10, 2])
    faces = make(np.random.default_rng(1).permutation(labels))
    held = faces.indices(HELD_OUT, seed=3)
    assert np.bincount(faces.labels[held]).tolist() == [20, 10, 6, 4, 2, 1, 1]
    assert sorted([*held, *faces.training_indices(seed=3)]) == list(range(len(labels)))


def test_the_held_out_tenth_is_drawn_by_its_seed():
    faces = make([0] * 200)
    first = faces.indices(HELD_OUT, seed=1)
    np.testing.assert_array_equal(first, faces.indices(HELD_OUT, seed=1))
    assert set(first) != set(faces.indices(HELD_OUT, seed=2))


@pytest.mark.parametrize("seed", range(5))
def test_identical_pictures_are_held_out_together_whatever_their_labels(seed):
    rng = np.random.default_rng(seed)
    different = rng.integers(0, 256, (60, 48, 48), dtype=np.uint8)
    which = np.concatenate([np.arange(60), rng.integers(0, 60, 90)])
    faces = make(rng.integers(0, 7, 150), images=different[which])
    held, train = faces.indices(HELD_OUT, seed), faces.training_indices(seed)
    assert len(held) and not set(which[held]) & set(which[train])


def test_only_the_training_split_is_held_out_from():
    faces = make([0] * 40, ["train", "test"] * 20)
    assert set(faces.splits[faces.indices(HELD_OUT)]) == {"train"}


@pytest.mark.parametrize(
    ("labels", "images"),
    [([0], None), ([0, 1, 2], None), ([0] * 20, np.zeros((20, 48, 48), np.uint8))],
    ids=["one face", "one of each", "all identical"],
)
def test_too_few_faces_to_hold_any_out_are_refused(labels, images):
    with pytest.raises(UserError, match="too small to hold out a tenth"):
        make(labels, images=images).indices(HELD_OUT)
