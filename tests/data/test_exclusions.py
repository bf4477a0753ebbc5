import csv
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.data.exclusions import (
    ExclusionList,
    exclude,
    exclusion_names,
    include,
    list_names,
    load_exclusions,
    read_exclusions,
    remove_exclusions,
)
from pipeline.data.store import load_dataset, remove_dataset
from pipeline.errors import UserError
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import noise, store_faces


@pytest.fixture
def faces():
    return store_faces([noise(seed) for seed in range(4)])


def test_a_list_is_stored_extended_shortened_and_removed(faces):
    images = (dataset_folder("faces") / "images.npy").read_bytes()
    made = exclude(faces, "dark", {"f3": "nothing to see", "f1": "too dark"})
    assert made == load_exclusions("faces", "dark") and len(made) == 2
    assert exclusion_names("faces") == ["dark"]

    exclude(faces, "dark", dict.fromkeys(["f1", "f2"], "a duplicate"))  # the first reason stays
    reasons = load_exclusions("faces", "dark").reasons
    assert list(reasons.items()) == [
        ("f3", "nothing to see"),
        ("f1", "too dark"),
        ("f2", "a duplicate"),
    ]

    assert include("faces", "dark", ["f1", "f3", "f9", "unknown"]).reasons == {"f2": "a duplicate"}
    assert load_exclusions("faces", "dark").reasons == {"f2": "a duplicate"}
    assert len(include("faces", "dark", ["f2"])) == 0

    remove_exclusions("faces", "dark")
    assert exclusion_names("faces") == []
    assert (dataset_folder("faces") / "images.npy").read_bytes() == images
    assert len(load_dataset("faces")) == 4


def test_ids_and_reasons_that_begin_as_formulas_come_back_as_they_were(tmp_path):
    texts = ["=1+1", "-a", "@a", "\ta", "'=a", "''+a", "-1", "'a", "\ra"]
    reasons = {text: text[::-1] + text for text in texts} | {"a": '=HYPERLINK(1)\r\n\n,"'}
    path = tmp_path / "list.csv"
    path.write_text(ExclusionList("list", reasons).csv(), newline="")

    assert read_exclusions(path, "list").reasons == reasons
    with path.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))] == ["-1"]


def test_several_lists_are_read_as_one_that_says_which_list_has_a_face(faces):
    exclude(faces, "dark", {"f3": "nothing to see", "f1": "too dark"})
    exclude(faces, "leaks", {"f1": "leaks", "f2": "leaks"})
    both = load_exclusions("faces", "dark", "leaks")
    assert both.name == "dark,leaks"
    assert both.reasons == {
        "f3": "dark: nothing to see",
        "f1": "dark: too dark",
        "f2": "leaks: leaks",
    }
    assert both.fingerprint == load_exclusions("faces", "leaks", "dark").fingerprint
    with pytest.raises(UserError, match="no exclusion list 'x'. Choose from: dark, leaks"):
        load_exclusions("faces", "dark", "x")


def test_the_names_of_lists_are_sorted_and_none_is_no_list():
    for texts, names in (
        ((), ()),
        (("",), ()),
        (("none",), ()),
        (("a",), ("a",)),
        (("b,a", "a", " c "), ("a", "b", "c")),
        (("none,a",), ("a",)),
    ):
        assert list_names(texts) == names, texts


def test_two_who_change_a_list_at_once_lose_no_face_of_each_other():
    faces = store_faces([noise(seed) for seed in range(40)])

    def exclude_each(parity: int) -> None:
        for number in range(parity, 40, 2):
            exclude(faces, "dark", {f"f{number}": "dark"})

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(exclude_each, (0, 1)))

    assert len(load_exclusions("faces", "dark")) == 40


def test_any_reason_comes_back(faces):
    for i, reason in enumerate(("", "a, b", 'say "no"', "two\nlines", "Zweifel – größer", "1")):
        exclude(faces, f"list{i}", {"f1": reason})
        assert load_exclusions("faces", f"list{i}").reasons == {"f1": reason}


def test_the_fingerprint_is_of_the_excluded_ids_and_nothing_else():
    one = ExclusionList("a", {"f1": "x", "f2": "y"})
    assert one.fingerprint == hashlib.sha256(b"f1\nf2").hexdigest()
    assert one.fingerprint == ExclusionList("b", {"f2": "", "f1": ""}).fingerprint
    assert one.fingerprint != ExclusionList("a", {"f1": "x"}).fingerprint


def test_an_unknown_face_or_a_name_that_cannot_be_used_is_refused(faces):
    with pytest.raises(
        UserError, match="2 of the faces .* among them 'no1': create the list again"
    ):
        exclude(faces, "a", dict.fromkeys(["f1", "no2", "no1"], "dark"))
    with pytest.raises(UserError, match="'none' means no exclusion list"):
        exclude(faces, "none", {"f1": "dark"})
    for name in ("", ".", "../x", "a/b", ".hidden", "a b", "x" * 65):
        for use in (
            lambda name: exclude(faces, name, {"f1": "dark"}),
            lambda name: include("faces", name, ["f1"]),
            lambda name: load_exclusions("faces", name),
            lambda name: remove_exclusions("faces", name),
        ):
            with pytest.raises(UserError, match="cannot be used"):
                use(name)
    assert exclusion_names("faces") == []


def test_an_unknown_list_names_those_there_are(faces):
    with pytest.raises(UserError, match="no exclusion list 'b'. Choose from: none yet"):
        load_exclusions("faces", "b")
    exclude(faces, "a", {"f1": "dark"})
    for use in (load_exclusions, remove_exclusions, lambda *of: include(*of, [])):
        with pytest.raises(UserError, match="no exclusion list 'b'. Choose from: a."):
            use("faces", "b")


def test_a_damaged_list_is_one_sentence_and_can_be_removed(faces):
    for content in (
        b"",
        b"face,why\nf1,dark\n",
        b"id;reason\nf1;dark\n",
        b"id,reason\nf1,dark, or flat\n",
        b'id,reason\n"f1,dark\n',
        b"id,reason\n\xff\xfe,dark\n",
        bytes(100),
        b"id,reason\nf1," + b"x" * 200_000,
    ):
        exclude(faces, "a", {"f1": "dark"})
        (dataset_folder("faces") / "exclusions" / "a.csv").write_bytes(content)
        for use in (
            lambda: load_exclusions("faces", "a"),
            lambda: exclude(faces, "a", {"f2": "dark"}),
            lambda: include("faces", "a", ["f2"]),
        ):
            with pytest.raises(UserError, match=r"^a.csv is not a readable list of faces: [^\n]*$"):
                use()
        remove_exclusions("faces", "a")
        assert exclusion_names("faces") == []


def test_a_list_made_by_hand_is_read(tmp_path):
    for content, reasons in (
        (b"id\nf1\nf2\n", {"f1": "", "f2": ""}),
        (b"reason,id\r\ndark,f1\r\n", {"f1": "dark"}),
        (b"\xef\xbb\xbfid,reason\nf1,dark\n", {"f1": "dark"}),
        (b"id,reason\n0012,1.0\nNA,nan\n", {"0012": "1.0", "NA": "nan"}),
        (b"id,reason\n", {}),
    ):
        (tmp_path / "a.csv").write_bytes(content)
        assert read_exclusions(tmp_path / "a.csv", "a").reasons == reasons, content


def test_a_list_that_cannot_be_written_is_one_sentence(faces):
    (dataset_folder("faces") / "exclusions").write_text("in the way")
    with pytest.raises(UserError, match=r"^The list 'a' cannot be written \(.*\): free some space"):
        exclude(faces, "a", {"f1": "dark"})
    remove_dataset("faces")
    with pytest.raises(UserError, match=r"The list 'a' cannot be written \(No such file"):
        exclude(faces, "a", {"f1": "dark"})
