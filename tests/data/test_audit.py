import re

import numpy as np
import pytest

from pipeline.data.audit import (
    FINDINGS,
    GROUPED,
    Audit,
    audit,
    faces_to_exclude,
    load_audit,
    save_audit,
    without_first,
)
from pipeline.data.duplicates import NO_GROUP
from pipeline.errors import UserError
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import checks, make_faces, noise, smooth, store_faces, votes


def found(faces, finding) -> list[int]:
    return np.flatnonzero(audit(faces).mask(finding)).tolist()


def groups(faces, finding) -> list[int]:
    return audit(faces).groups(finding).tolist()


def test_planted_defects_are_counted_exactly():
    a, b, c = smooth(0), smooth(1), smooth(2)
    faces = make_faces(
        [a, a, a, b, b, b + 9, b + 20, c, c + 9, noise(0), checks(9), checks(9), checks(8), a],
        labels=[3, 3, 4, 0, 0, 0, 1, 2, 2, 5, 6, 5, 6, 3],
        splits=["train"] * 5 + ["test"] * 2 + ["train"] * 6 + ["public_test"],
    )
    assert audit(faces).summary(faces) == {
        "n": 14,
        "identical": {"groups": 3, "faces": 8, "excess": 5},
        "near_identical": {"groups": 2, "faces": 6, "excess": 4},
        "leaks": {"groups": 1, "test": 0, "public_test": 1},
        "near_leaks": {"groups": 1, "test": 2, "public_test": 0},
        "conflicting_labels": {"groups": 2, "faces": 6},
        "flat": {"faces": 3},
    }


def test_duplicates_are_one_group_within_and_across_splits():
    a, b = noise(0), noise(1)
    faces = make_faces([a, b, a, noise(2), b, a], splits=["train", "test"] * 3)
    assert groups(faces, "duplicates") == [0, 1, 0, NO_GROUP, 1, 0]


def test_near_duplicates_are_groups_of_two_distinct_images_with_all_their_copies():
    changed = smooth(0).copy()
    changed[0, 0] ^= 1
    faces = make_faces([smooth(0), changed, smooth(1)])
    assert found(faces, "duplicates") == []
    assert groups(faces, "near_duplicates") == [0, 0, NO_GROUP]

    assert found(make_faces([smooth(0), smooth(0)]), "near_duplicates") == []

    faces = make_faces([smooth(1), smooth(0), smooth(0), smooth(0) + 9])
    assert groups(faces, "near_duplicates") == [NO_GROUP, 0, 0, 0]
    assert groups(faces, "duplicates") == [NO_GROUP, 0, 0, NO_GROUP]


def test_a_leak_is_of_the_training_split_and_another():
    splits = ["train", "test", "train", "train", "test", "public_test"]
    for finding, brighter in (("leaks", 0), ("near_leaks", 9)):
        images = [smooth(seed) + by for seed in range(3) for by in (0, brighter)]
        assert found(make_faces(images, splits=splits), finding) == [0, 1]

    faces = make_faces([smooth(0)] * 2 + [smooth(0) + 9], splits=["test", "public_test", "test"])
    summary = audit(faces).summary(faces)  # without a training split
    assert summary["identical"]["groups"] == summary["near_identical"]["groups"] == 1
    none = {"groups": 0, "test": 0, "public_test": 0}
    assert summary["leaks"] == summary["near_leaks"] == none


def test_low_contrast_is_below_ten_and_never_a_near_duplicate():
    faces = make_faces([checks(0), checks(9), checks(10), smooth(0)])
    assert found(faces, "low_contrast") == [0, 1]

    faces = make_faces([checks(0), checks(0), checks(1), checks(0, gray=129)])
    assert groups(faces, "duplicates") == [0, 0, NO_GROUP, NO_GROUP]
    assert found(faces, "near_duplicates") == []


def test_votes_say_what_is_not_a_face_and_likely_mislabeled():
    given = [
        votes(happiness=6, NF=4),
        votes(happiness=4, NF=6),
        votes(happiness=5, NF=5),
        votes(anger=6, happiness=4),
        votes(anger=5, happiness=5),
        votes(contempt=6, happiness=4),
        votes(unknown=6, happiness=4),
        votes(),
    ]
    faces = make_faces([noise(i) for i in range(len(given))], [3] * len(given), votes=given)
    assert found(faces, "not_a_face") == [1]
    assert found(faces, "likely_mislabeled") == [3, 5]
    assert audit(faces).summary(faces)["doubtful"] == {"faces": 2}
    assert audit(faces).available() == list(FINDINGS)

    without = make_faces([noise(0)])
    made = audit(without)
    assert made.available() == list(FINDINGS)[:-2]
    assert not {"not_a_face", "doubtful"} & made.summary(without).keys()
    assert not {"not_a_face", "doubtful"} & set(made.table(without).columns)


def test_groups_are_those_of_a_dictionary_of_bytes():
    few = np.stack([noise(i) for i in range(30)] + [checks(i) for i in range(5)])
    for seed in range(10):
        rng = np.random.default_rng(seed)
        faces = make_faces(
            few[rng.integers(0, len(few), 60)],
            labels=rng.integers(0, 7, 60),
            splits=rng.choice(["train", "test", "public_test"], 60),
        )
        by_bytes = {}
        for face in range(len(faces)):
            by_bytes.setdefault(faces.images[face].tobytes(), []).append(face)
        duplicates = [group for group in by_bytes.values() if len(group) > 1]
        numbers = {face: number for number, group in enumerate(duplicates) for face in group}
        leaks = [g for g in duplicates if {faces.splits[i] == "train" for i in g} == {True, False}]
        conflicting = [group for group in duplicates if len({faces.labels[i] for i in group}) > 1]

        made = audit(faces)
        assert made.duplicates.tolist() == [numbers.get(i, NO_GROUP) for i in range(60)]
        assert np.flatnonzero(made.leaks).tolist() == sorted(sum(leaks, []))
        assert np.flatnonzero(made.conflicting_labels).tolist() == sorted(sum(conflicting, []))
        in_test = sum(faces.splits[i] == "test" for group in leaks for i in group)
        assert made.summary(faces)["leaks"]["test"] == in_test


def test_only_findings_about_duplicates_have_groups():
    made = audit(make_faces([noise(0), noise(0)], votes=[votes()] * 2))
    assert [name for name in FINDINGS if made.groups(name) is not None] == list(GROUPED)


def test_the_table_has_a_row_for_each_face_with_a_finding():
    faces = make_faces([noise(0), smooth(0), checks(0), noise(0), noise(1)], labels=[3, 4, 5, 6, 0])
    label_issues = np.array([False, False, True, False, True])
    table = audit(faces).table(faces, {"doubted_by_m": label_issues})
    assert table["id"].tolist() == ["f0", "f2", "f3", "f4"]
    assert table["label"].tolist() == ["happy", "surprise", "neutral", "angry"]
    assert table["identical_group"].fillna(-1).tolist() == [0, -1, 0, -1]
    assert table["flat"].tolist() == [False, True, False, False]
    assert table["doubted_by_m"].tolist() == [False, True, False, True]
    assert len(audit(faces).table(faces)) == 3


@pytest.mark.parametrize("given", [None, [votes(NF=9)] * 3])
def test_an_audit_is_stored_under_its_old_keys_for_just_these_faces(given):
    faces = store_faces([noise(0), smooth(0), noise(0)], votes=given)
    made = audit(faces)
    assert load_audit(faces) is None

    save_audit(faces, made)
    stored = load_audit(faces)
    for name in made.available():
        np.testing.assert_array_equal(getattr(stored, name), getattr(made, name))
    with np.load(dataset_folder("faces") / "audit.npz") as arrays:
        keys = ["identical", "near_identical", "leaks", "near_leaks", "conflicting_labels", "flat"]
        keys += ["not_a_face", "doubtful"] if given else []
        assert set(arrays.files) == {*keys, "fingerprint"}

    save_audit(make_faces([noise(0), noise(1)]), audit(faces))  # another fingerprint
    assert load_audit(faces) is None


def test_a_damaged_audit_counts_as_missing():
    faces = store_faces([noise(0), noise(0)])
    file = dataset_folder("faces") / "audit.npz"
    save_audit(faces, audit(faces))
    whole = file.read_bytes()
    for damage in (
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:200],
        lambda content: bytes(len(content)),
        lambda content: content.replace(b"\x08\x00", b"\x63\x00"),  # an unknown compression
    ):
        file.write_bytes(damage(whole))
        assert load_audit(faces) is None

    file.write_bytes(whole)
    with np.load(file) as stored:
        np.savez(file, **{name: stored[name] for name in stored.files if name != "leaks"})
    assert load_audit(faces) is None  # an array is missing


def test_an_audit_that_cannot_be_written_leaves_what_was_there():
    faces = store_faces([noise(0)])
    (dataset_folder("faces") / "audit.npz").mkdir()
    before = sorted(dataset_folder("faces").iterdir())
    with pytest.raises(OSError):
        save_audit(faces, audit(faces))
    assert sorted(dataset_folder("faces").iterdir()) == before


GROUPS = np.array([0, -1, 0, 1, 0, 0, 1, -1], np.int32)
FACES = make_faces(np.zeros((8, 48, 48)), splits=["train"] * 5 + ["test"] * 3)
MADE = Audit(
    duplicates=GROUPS,
    near_duplicates=np.full(8, NO_GROUP, np.int32),
    leaks=GROUPS >= 0,
    near_leaks=np.zeros(8, np.bool_),
    conflicting_labels=GROUPS == 1,
    low_contrast=np.arange(8) < 2,
    not_a_face=None,
    likely_mislabeled=None,
)


def test_a_finding_gives_its_faces_within_splits():
    for finding, splits, keep_first, expected in (
        ("duplicates", (), False, [0, 2, 3, 4, 5, 6]),
        ("identical", (), False, [0, 2, 3, 4, 5, 6]),  # the key of JSON documents
        ("duplicates", (), True, [2, 4, 5, 6]),
        ("duplicates", ("train",), True, [2, 4]),
        ("duplicates", ("test",), True, []),
        ("leaks", ("test",), False, [5, 6]),
        ("leaks", ("train", "test"), True, [2, 4, 5, 6]),
        ("conflicting_labels", (), False, [3, 6]),
        ("low_contrast", ("train",), True, [0, 1]),
        ("near_duplicates", (), True, []),
    ):
        chosen = faces_to_exclude(FACES, MADE, finding, splits, keep_first)
        assert chosen.tolist() == expected, (finding, splits, keep_first)
    assert without_first(np.array([7, 6, 1, 3, 2]), GROUPS).tolist() == [7, 1, 3]


def test_an_unknown_finding_or_split_names_the_choices():
    for finding, splits, sentence in (
        ("x", (), "Unknown finding 'x'. Choose from: duplicates, near_duplicates, leaks"),
        ("doubtful", (), "has no FER+ votes, which 'likely_mislabeled' needs. Choose from: dupl"),
        ("flat", ("train", "dev"), "has no split 'dev'. Choose from: train, test."),
    ):
        with pytest.raises(UserError, match=re.escape(sentence)):
            faces_to_exclude(FACES, MADE, finding, splits)
