import re

import numpy as np
import pytest

from pipeline.data.audit import Audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.findings import faces_to_exclude, without_first
from pipeline.errors import UserError

N = 8
SPLITS = np.array(["train"] * 5 + ["test"] * 3)
IDENTICAL = np.array([0, -1, 0, 1, 0, 0, 1, -1], np.int32)


@pytest.fixture
def dataset() -> FaceDataset:
    labels = np.zeros(N, np.uint8)
    ids = np.array([f"f{i}" for i in range(N)])
    return FaceDataset("faces", np.zeros((N, 48, 48), np.uint8), labels, SPLITS, ids, None, "f")


@pytest.fixture
def audit() -> Audit:
    nothing = np.zeros(N, np.bool_)
    return Audit(
        identical=IDENTICAL,
        near_identical=np.full(N, -1, np.int32),
        leaks=IDENTICAL >= 0,
        near_leaks=nothing,
        conflicting_labels=IDENTICAL == 1,
        flat=np.arange(N) < 2,
        not_a_face=None,
        doubtful=None,
    )


@pytest.mark.parametrize(
    ("finding", "splits", "keep_first", "expected"),
    [
        ("identical", (), False, [0, 2, 3, 4, 5, 6]),
        ("identical", (), True, [2, 4, 5, 6]),
        ("identical", ("train",), True, [2, 4]),
        ("identical", ("test",), True, []),
        ("leaks", ("test",), False, [5, 6]),
        ("leaks", ("train", "test"), True, [2, 4, 5, 6]),
        ("conflicting_labels", (), False, [3, 6]),
        ("flat", ("train",), True, [0, 1]),
        ("near_identical", (), True, []),
    ],
)
def test_a_finding_gives_its_faces_within_splits(
    dataset, audit, finding, splits, keep_first, expected
):
    found = faces_to_exclude(dataset, audit, finding, splits, keep_first)

    assert found.tolist() == expected


def test_faces_of_no_group_stay_when_the_first_of_each_group_go():
    assert without_first(np.array([7, 6, 1, 3, 2]), IDENTICAL).tolist() == [7, 1, 3]


@pytest.mark.parametrize(
    ("finding", "splits", "sentence"),
    [
        ("twins", (), "Unknown finding 'twins'. Choose from: identical, near_identical, leaks"),
        ("doubtful", (), "has no FER+ votes to find 'doubtful' by. Choose from: identical"),
        ("flat", ("train", "dev"), "has no split 'dev'. Choose from: train, test."),
    ],
)
def test_a_wrong_choice_is_named_with_those_there_are(dataset, audit, finding, splits, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        faces_to_exclude(dataset, audit, finding, splits)
