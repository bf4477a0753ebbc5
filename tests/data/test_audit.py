import numpy as np
import pytest

from pipeline.data.audit import FINDINGS, GROUPED, audit, keep_audit, kept_audit
from pipeline.data.groups import NO_GROUP
from pipeline.workspace import PROJECT, dataset_folder
from tests.data.dataset_makers import checks, make_faces, noise, smooth, store_faces, votes

DATA = PROJECT.parent / "shared" / "data"


def found(faces, finding) -> list[int]:
    return np.flatnonzero(audit(faces).faces(finding)).tolist()


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


def test_identical_pictures_are_one_group_within_and_across_splits():
    a, b = noise(0), noise(1)
    faces = make_faces([a, b, a, noise(2), b, a], splits=["train", "test"] * 3)

    assert groups(faces, "identical") == [0, 1, 0, NO_GROUP, 1, 0]


def test_a_changed_byte_makes_another_picture_which_is_nearly_the_same():
    changed = smooth(0).copy()
    changed[0, 0] ^= 1
    faces = make_faces([smooth(0), changed, smooth(1)])

    assert found(faces, "identical") == []
    assert groups(faces, "near_identical") == [0, 0, NO_GROUP]


def test_identical_pictures_alone_are_not_nearly_identical():
    assert found(make_faces([smooth(0), smooth(0)]), "near_identical") == []


def test_all_copies_of_nearly_identical_pictures_belong_to_their_group():
    faces = make_faces([smooth(1), smooth(0), smooth(0), smooth(0) + 9])

    assert groups(faces, "near_identical") == [NO_GROUP, 0, 0, 0]
    assert groups(faces, "identical") == [NO_GROUP, 0, 0, NO_GROUP]


@pytest.mark.parametrize(("finding", "light"), [("leaks", 0), ("near_leaks", 9)])
def test_a_leak_is_of_the_training_split_and_another(finding, light):
    pictures = [smooth(seed) + by for seed in range(3) for by in (0, light)]
    splits = ["train", "test", "train", "train", "test", "public_test"]

    assert found(make_faces(pictures, splits=splits), finding) == [0, 1]


def test_without_a_training_split_nothing_leaks():
    faces = make_faces([smooth(0)] * 2 + [smooth(0) + 9], splits=["test", "public_test", "test"])
    none = {"groups": 0, "test": 0, "public_test": 0}

    summary = audit(faces).summary(faces)
    assert summary["identical"]["groups"] == summary["near_identical"]["groups"] == 1
    assert summary["leaks"] == summary["near_leaks"] == none


def test_identical_pictures_with_different_labels_contradict_each_other():
    faces = make_faces([noise(0)] * 3 + [noise(1)] * 2, labels=[3, 3, 4, 5, 5])

    assert found(faces, "conflicting_labels") == [0, 1, 2]


def test_flat_is_what_varies_by_less_than_ten():
    faces = make_faces([checks(0), checks(9), checks(10), smooth(0)])

    assert found(faces, "flat") == [0, 1]


def test_flat_pictures_are_twins_if_their_bytes_are_but_never_nearly_so():
    faces = make_faces([checks(0), checks(0), checks(1), checks(0, grey=129)])

    assert groups(faces, "identical") == [0, 0, NO_GROUP, NO_GROUP]
    assert found(faces, "near_identical") == []


def test_votes_tell_what_is_no_face_and_which_labels_are_in_doubt():
    said = [
        votes(happiness=6, NF=4),
        votes(happiness=4, NF=6),
        votes(happiness=5, NF=5),
        votes(anger=6, happiness=4),
        votes(anger=5, happiness=5),
        votes(contempt=6, happiness=4),
        votes(unknown=6, happiness=4),
        votes(),
    ]
    faces = make_faces([noise(i) for i in range(len(said))], labels=[3] * len(said), votes=said)

    assert found(faces, "not_a_face") == [1]
    assert found(faces, "doubtful") == [3, 5]
    assert audit(faces).summary(faces)["doubtful"] == {"faces": 2}
    assert audit(faces).known() == list(FINDINGS)


def test_without_votes_nothing_is_said_of_them():
    faces = make_faces([noise(0)])
    made = audit(faces)

    assert made.known() == [name for name in FINDINGS if name not in ("not_a_face", "doubtful")]
    assert not {"not_a_face", "doubtful"} & made.summary(faces).keys()
    assert not {"not_a_face", "doubtful"} & set(made.table(faces).columns)


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_those_of_a_dictionary_of_bytes(seed):
    rng = np.random.default_rng(seed)
    few = np.stack([noise(i) for i in range(30)] + [checks(i) for i in range(5)])
    faces = make_faces(
        few[rng.integers(0, len(few), 60)],
        labels=rng.integers(0, 7, 60),
        splits=rng.choice(["train", "test", "public_test"], 60),
    )
    naive = {}
    for face in range(len(faces)):
        naive.setdefault(faces.images[face].tobytes(), []).append(face)
    twins = [group for group in naive.values() if len(group) > 1]
    numbers = {face: number for number, group in enumerate(twins) for face in group}
    seen = [g for g in twins if {faces.splits[i] == "train" for i in g} == {True, False}]
    conflicting = [group for group in twins if len({faces.labels[i] for i in group}) > 1]

    assert groups(faces, "identical") == [numbers.get(i, NO_GROUP) for i in range(60)]
    assert found(faces, "leaks") == sorted(sum(seen, []))
    assert found(faces, "conflicting_labels") == sorted(sum(conflicting, []))
    assert audit(faces).summary(faces)["leaks"]["test"] == sum(
        faces.splits[i] == "test" for group in seen for i in group
    )


def test_only_findings_that_twins_share_have_groups():
    made = audit(make_faces([noise(0), noise(0)], votes=[votes()] * 2))

    assert [name for name in FINDINGS if made.groups(name) is not None] == list(GROUPED)


def test_the_table_has_a_row_for_each_face_with_a_finding():
    faces = make_faces([noise(0), smooth(0), checks(0), noise(0), noise(1)], labels=[3, 4, 5, 6, 0])
    doubts = np.array([False, False, True, False, True])

    table = audit(faces).table(faces, {"doubted_by_m": doubts})
    assert table["id"].tolist() == ["f0", "f2", "f3", "f4"]
    assert table["label"].tolist() == ["happy", "surprise", "neutral", "angry"]
    assert table["identical_group"].fillna(-1).tolist() == [0, -1, 0, -1]
    assert table["flat"].tolist() == [False, True, False, False]
    assert table["doubted_by_m"].tolist() == [False, True, False, True]
    assert len(audit(faces).table(faces)) == 3


@pytest.mark.parametrize("said", [None, [votes(NF=9)] * 3])
def test_an_audit_comes_back_as_it_was_kept(said):
    faces = store_faces([noise(0), smooth(0), noise(0)], votes=said)
    made = audit(faces)
    assert kept_audit(faces) is None

    keep_audit(faces, made)
    kept = kept_audit(faces)
    assert kept.known() == made.known()
    for name in made.known():
        np.testing.assert_array_equal(getattr(kept, name), getattr(made, name))


def test_an_audit_of_other_faces_is_passed_over():
    faces = store_faces([noise(0), noise(0)])
    keep_audit(make_faces([noise(0), noise(1)]), audit(faces))

    assert kept_audit(faces) is None


def forget_an_array(content: bytes, path) -> bytes:
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files if name != "leaks"}
    np.savez(path, **arrays)
    return path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, _: b"",
        lambda content, _: content[:-1],
        lambda content, _: content[:200],
        lambda content, _: bytes(len(content)),
        lambda content, _: content.replace(b"\x08\x00", b"\x63\x00"),
        forget_an_array,
    ],
    ids=["empty", "a byte short", "cut", "zeros", "unknown compression", "of an older version"],
)
def test_a_damaged_audit_is_none(damage):
    faces = store_faces([noise(0), noise(0)])
    keep_audit(faces, audit(faces))
    file = dataset_folder("faces") / "audit.npz"
    file.write_bytes(damage(file.read_bytes(), file))

    assert kept_audit(faces) is None


def test_an_audit_that_cannot_be_kept_leaves_what_was_there():
    faces = store_faces([noise(0)])
    (dataset_folder("faces") / "audit.npz").mkdir()
    before = sorted(dataset_folder("faces").iterdir())

    with pytest.raises(OSError):
        keep_audit(faces, audit(faces))
    assert sorted(dataset_folder("faces").iterdir()) == before
