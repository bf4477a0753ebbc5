import hashlib

import numpy as np
import pytest

from pipeline.data.dataset import HELD_OUT
from pipeline.data.exclusions import (
    ExclusionList,
    exclude,
    exclusion_names,
    include,
    load_exclusions,
    read_exclusions,
    remove_exclusions,
)
from pipeline.data.store import load_dataset, remove_dataset
from pipeline.errors import UserError
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import make_faces, noise, store_faces


@pytest.fixture
def faces():
    splits = ["train"] * 20 + ["test"] * 4
    return store_faces([noise(seed) for seed in range(24)], splits=splits)


def test_a_list_is_made_kept_and_listed(faces):
    made = exclude(faces, "flat", dict.fromkeys(["f3", "f1"], "nothing to see"))

    assert made == load_exclusions("faces", "flat")
    assert made.reasons == {"f3": "nothing to see", "f1": "nothing to see"}
    assert len(made) == 2 and exclusion_names("faces") == ["flat"]


def test_further_faces_join_and_a_first_reason_stays(faces):
    exclude(faces, "a", dict.fromkeys(["f1"], "flat"))
    exclude(faces, "a", dict.fromkeys(["f1", "f2"], "a twin"))

    reasons = load_exclusions("faces", "a").reasons
    assert list(reasons.items()) == [("f1", "flat"), ("f2", "a twin")]


def test_a_list_cannot_be_called_what_stands_for_no_list(faces):
    with pytest.raises(UserError, match="'none' stands for no exclusion list"):
        exclude(faces, "none", {"f1": "flat"})


@pytest.mark.parametrize("reason", ["", "a, b", 'say "no"', "two\nlines", "Zweifel – größer", "1"])
def test_any_reason_comes_back(faces, reason):
    exclude(faces, "a", dict.fromkeys(["f1"], reason))

    assert load_exclusions("faces", "a").reasons == {"f1": reason}


def test_faces_are_taken_off_a_list_and_others_passed_over(faces):
    exclude(faces, "a", dict.fromkeys(["f1", "f2"], "flat"))

    assert include("faces", "a", ["f1", "f9", "unknown"]).reasons == {"f2": "flat"}
    assert load_exclusions("faces", "a").reasons == {"f2": "flat"}
    assert len(include("faces", "a", ["f2"])) == 0


def test_a_list_is_removed_and_no_face(faces):
    exclude(faces, "a", dict.fromkeys(["f1"], "flat"))
    before = (dataset_folder("faces") / "images.npy").read_bytes()
    remove_exclusions("faces", "a")

    assert exclusion_names("faces") == []
    assert (dataset_folder("faces") / "images.npy").read_bytes() == before
    assert len(load_dataset("faces")) == 24


def test_the_fingerprint_is_of_the_faces_left_out_and_nothing_else():
    one = ExclusionList("a", {"f1": "x", "f2": "y"})

    assert one.fingerprint == hashlib.sha256(b"f1\nf2").hexdigest()
    assert one.fingerprint == ExclusionList("b", {"f2": "", "f1": ""}).fingerprint
    assert one.fingerprint != ExclusionList("a", {"f1": "x"}).fingerprint


def test_an_unknown_face_is_refused_and_nothing_written(faces):
    with pytest.raises(UserError, match="2 of the faces .* among them 'no1': make the list again"):
        exclude(faces, "a", dict.fromkeys(["f1", "no2", "no1"], "flat"))
    assert exclusion_names("faces") == []


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", ".hidden", "a b", "x" * 65])
def test_a_name_that_is_not_plain_is_refused_everywhere(faces, name):
    for use in (
        lambda: exclude(faces, name, dict.fromkeys(["f1"], "flat")),
        lambda: include("faces", name, ["f1"]),
        lambda: load_exclusions("faces", name),
        lambda: remove_exclusions("faces", name),
    ):
        with pytest.raises(UserError, match="not a plain name"):
            use()


def test_an_unknown_list_names_those_there_are(faces):
    with pytest.raises(UserError, match="no exclusion list 'b'. Choose from: none yet"):
        load_exclusions("faces", "b")
    exclude(faces, "a", dict.fromkeys(["f1"], "flat"))
    for use in (load_exclusions, remove_exclusions, lambda *of: include(*of, [])):
        with pytest.raises(UserError, match="no exclusion list 'b'. Choose from: a."):
            use("faces", "b")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"face,why\nf1,flat\n",
        b"id;reason\nf1;flat\n",
        b"id,reason\nf1,flat, or dark\n",
        b'id,reason\n"f1,flat\n',
        b"id,reason\n\xff\xfe,flat\n",
        bytes(100),
        b"id,reason\nf1," + b"x" * 200_000,
    ],
    ids=["empty", "header", "semicolons", "comma", "open quote", "no text", "zeros", "too long"],
)
def test_a_damaged_list_is_one_sentence_and_can_be_removed(faces, content):
    exclude(faces, "a", dict.fromkeys(["f1"], "flat"))
    (dataset_folder("faces") / "exclusions" / "a.csv").write_bytes(content)
    for use in (
        lambda: load_exclusions("faces", "a"),
        lambda: exclude(faces, "a", dict.fromkeys(["f2"], "flat")),
        lambda: include("faces", "a", ["f2"]),
    ):
        with pytest.raises(UserError, match=r"^a.csv is no readable list of faces: [^\n]*$"):
            use()

    remove_exclusions("faces", "a")
    assert exclusion_names("faces") == []


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"id\nf1\nf2\n", {"f1": "", "f2": ""}),
        (b"reason,id\r\nflat,f1\r\n", {"f1": "flat"}),
        (b"\xef\xbb\xbfid,reason\nf1,flat\n", {"f1": "flat"}),
        (b"id,reason\n0012,1.0\nNA,nan\n", {"0012": "1.0", "NA": "nan"}),
        (b"id,reason\n", {}),
    ],
    ids=["no reasons", "Windows", "spreadsheet", "numbers and NA", "nobody"],
)
def test_a_list_made_by_hand_is_read(tmp_path, content, reasons):
    (tmp_path / "a.csv").write_bytes(content)

    assert read_exclusions(tmp_path / "a.csv", "a").reasons == reasons


def test_a_list_that_cannot_be_written_is_one_sentence(faces):
    (dataset_folder("faces") / "exclusions").write_text("in the way")
    with pytest.raises(UserError, match="The list 'a' cannot be written: "):
        exclude(faces, "a", dict.fromkeys(["f1"], "flat"))

    remove_dataset("faces")
    with pytest.raises(UserError, match="The list 'a' cannot be written: No such file"):
        exclude(faces, "a", dict.fromkeys(["f1"], "flat"))


def test_splits_pass_over_excluded_faces(faces):
    left = faces.without(["f1", "f21"])

    assert left.indices("test").tolist() == [20, 22, 23]
    assert 1 in faces.indices("train") and 1 not in left.indices("train")
    assert len(left) == len(faces) and left.fingerprint == faces.fingerprint


@pytest.mark.parametrize("seed", range(5))
def test_the_held_out_tenth_is_the_same_but_for_the_excluded(seed):
    splits = ["train"] * 90 + ["test"] * 10
    faces = make_faces([noise(seed) for seed in range(100)], splits=splits)
    held, train = faces.indices(HELD_OUT, seed), faces.training_indices(seed)
    gone = [*held[:2], *train[:9]]
    left = faces.without(f"f{i}" for i in gone)

    np.testing.assert_array_equal(left.indices(HELD_OUT, seed), np.setdiff1d(held, gone))
    np.testing.assert_array_equal(left.training_indices(seed), np.setdiff1d(train, gone))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_of_which_every_face_is_excluded_is_refused(faces, split):
    left = faces.without(faces.ids[faces.splits == split].tolist())

    with pytest.raises(UserError, match=f"Every face of '{split}' in data set 'faces' is excluded"):
        left.indices(split)


def test_every_training_face_may_not_be_excluded_beside_the_held_out(faces):
    left = faces.without(f"f{i}" for i in faces.training_indices())

    assert len(left.indices(HELD_OUT))
    with pytest.raises(UserError, match="Every face of 'train'"):
        left.training_indices()
