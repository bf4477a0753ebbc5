import pytest

from pipeline.data.audit import load_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import exclude, load_exclusions
from pipeline.errors import UserError
from pipeline.runs import list_runs
from tests.cli.commands import document, output
from tests.data.dataset_makers import noise, store_faces


def make_faces() -> FaceDataset:
    """42 faces of train, 14 of validation; f1 and f50 are duplicates of f0, f43 of f42."""
    images = [noise({1: 0, 50: 0, 43: 42}.get(face, face)) for face in range(56)]
    labels = [face % 7 for face in range(56)]
    return store_faces(images, labels, ["train"] * 42 + ["validation"] * 14)


@pytest.fixture
def faces(empty_workspace) -> FaceDataset:
    return make_faces()


def test_the_faces_of_findings_are_added_to_a_list(faces):
    for count, (options, expected) in enumerate(
        (
            ("--finding identical", {"f0", "f1", "f42", "f43", "f50"}),
            ("--finding duplicates --keep-first", {"f1", "f43", "f50"}),
            ("--finding duplicates --keep-first --split validation", {"f43"}),
            ("--finding leaks --split validation", {"f50"}),
            ("--finding leaks --finding flat --split train --split validation",
             {"f0", "f1", "f50"}),
            ("--finding low_contrast", set()),
        )
    ):  # fmt: skip
        printed = output("exclude", "faces", f"list{count}", *options.split())
        reasons = load_exclusions("faces", f"list{count}").reasons
        assert f"holds {len(expected)} faces" in printed and set(reasons) == expected, options
        assert set(reasons.values()) <= {options.split()[1]}, options
    assert load_audit(faces) is not None


def test_a_list_grows_and_every_face_keeps_its_first_reason(faces, tmp_path):
    file = tmp_path / "hand.csv"
    file.write_text("id,reason\nf0,a hand\nf9,\n")
    output("exclude", "faces", "x", "--ids", str(file))
    output("exclude", "faces", "x", "--finding", "leaks", "--reason", "seen in training")

    assert load_exclusions("faces", "x").reasons == {
        "f0": "a hand",
        "f9": "by hand",
        "f1": "seen in training",
        "f50": "seen in training",
    }


def test_a_mistake_is_one_sentence_and_makes_no_list_and_no_run(faces, tmp_path):
    (tmp_path / "ids.csv").write_text("id,reason\nf1,a\ng1,b\n")
    for words, sentence in (
        ("exclude faces x", "Say which faces"),
        ("exclude faces x --ids FILE --keep-first", "apply to --finding"),
        ("exclude faces x --finding twin", "Unknown finding 'twin'. Choose from: duplicates"),
        ("exclude faces x --finding flat --split test", "Choose from: train, validation"),
        ("exclude faces x --ids FILE", "are not in data set 'faces', among them 'g1'"),
        ("exclude faces x --ids absent.csv", "absent.csv is not a readable list of faces"),
        ("exclusions faces --remove b", "no exclusion list 'b'"),
        ("train --dataset faces --exclude b", "no exclusion list 'b'"),
    ):
        with pytest.raises(UserError, match=f"^[^\n]*{sentence}[^\n]*$"):
            output(*words.replace("FILE", str(tmp_path / "ids.csv")).split())
    assert document("exclusions", "faces") == [] and list_runs() == []


def test_lists_are_listed_and_removed_a_damaged_one_with_its_problem(faces, empty_workspace):
    exclude(faces, "a", dict.fromkeys(["f0", "f1", "f50"], "x"))
    exclude(faces, "b", dict.fromkeys(["f2"], "x"))
    folder = empty_workspace / "datasets" / "faces" / "exclusions"
    (folder / "b.csv").write_text("nothing\n")
    (a, b) = document("exclusions", "faces")

    splits = {"train": 2, "validation": 1}
    assert a == {"name": "a", "faces": 3, "splits": splits, "problem": None}
    assert b["name"] == "b" and "not a readable list" in b["problem"]
    assert document("exclusions", "faces", "--remove", "b") == [a]


def test_evaluate_leaves_a_list_out(faces):
    exclude(faces, "twins", dict.fromkeys(["f50", "f43", "f0"], "leaks"))
    words = ("evaluate", "custom_cnn", "--dataset", "faces", "--split", "validation")
    whole, without = document(*words), document(*words, "--exclude", "twins")

    assert (whole["n"], whole["exclude"]) == (14, None)
    assert (without["n"], without["exclude"]) == (12, "twins")
    exclude(faces, "more", dict.fromkeys(["f50", "f51"], "by hand"))
    for several in (("--exclude", "twins", "--exclude", "more"), ("--exclude", "twins,more")):
        both = document(*words, *several)
        assert (both["n"], both["exclude"]) == (11, "more,twins")
    compared = document("compare", *words[1:], "--exclude", "twins,more")
    assert (compared["n"], compared["exclude"]) == (11, "more,twins")
    with pytest.raises(UserError, match="no exclusion list 'x'. Choose from: more, twins"):
        output(*words, "--exclude", "x")
