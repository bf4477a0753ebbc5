import hashlib
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline.data import store
from pipeline.data.dataset import Batch
from pipeline.data.exclusions import exclude, load_exclusions
from pipeline.data.store import (
    dataset_info,
    dataset_names,
    datasets_of,
    find_dataset,
    load_dataset,
    new_dataset,
    remove_dataset,
    rename_dataset,
)
from pipeline.errors import UserError
from pipeline.workspace import datasets_folder


def batch(first: int, count: int = 3) -> Batch:
    rng = np.random.default_rng(first)
    return Batch(
        images=rng.integers(0, 256, (count, 48, 48), dtype=np.uint8),
        labels=rng.integers(0, 7, count, dtype=np.uint8),
        splits=np.array(["train", "test"] * count)[:count],
        ids=np.array([f"face{first + i}" for i in range(count)]),
        progress=0.5,
    )


def save(name: str = "faces", *batches: Batch, votes=None, skipped: int = 0):
    with new_dataset(name) as writer:
        for each in batches or (batch(0), batch(3)):
            writer.append(each)
        return writer.finish(name, "source.csv", skipped, votes)


def test_what_was_written_is_read_back_memory_mapped():
    votes = np.arange(60, dtype=np.uint8).reshape(6, 10)
    info = save(votes=votes, skipped=4)
    faces = load_dataset("faces")
    assert isinstance(faces.images, np.memmap)
    np.testing.assert_array_equal(faces.images, np.concatenate([batch(0).images, batch(3).images]))
    np.testing.assert_array_equal(faces.labels, np.concatenate([batch(0).labels, batch(3).labels]))
    np.testing.assert_array_equal(faces.votes, votes)
    assert faces.ids.tolist() == [f"face{i}" for i in range(6)] and faces.ids.dtype.kind == "U"
    assert faces.splits.tolist() == ["train", "test", "train"] * 2
    assert (info.faces, info.skipped, info.ferplus, info.source) == (6, 4, True, "source.csv")
    assert info == dataset_info("faces") and info.counts == faces.counts()


def test_the_fingerprint_is_of_pixels_labels_and_splits_and_not_of_batches():
    first = save("first")
    whole = Batch(*(np.concatenate(p) for p in list(zip(batch(0), batch(3), strict=True))[:4]), 1.0)
    assert save("second", whole).fingerprint == first.fingerprint
    faces = load_dataset("first")
    content = faces.images.tobytes() + faces.labels.tobytes() + "\n".join(faces.splits).encode()
    assert first.fingerprint == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("field", ["images", "labels", "splits"])
def test_any_change_gives_another_fingerprint(field):
    changed = {
        "images": batch(0).images ^ 1,
        "labels": (batch(0).labels + 1) % 7,
        "splits": np.array(["train"] * 3),
    }[field]
    other = save("other", batch(0)._replace(**{field: changed}))
    assert other.fingerprint != save("first", batch(0)).fingerprint


def test_a_block_that_fails_leaves_nothing():
    with pytest.raises(ZeroDivisionError), new_dataset("faces") as writer:
        writer.append(batch(0))
        raise ZeroDivisionError
    assert os.listdir(datasets_folder()) == []


def test_a_taken_name_is_refused_and_what_has_it_stays():
    before = save()
    with pytest.raises(UserError, match="'faces' is taken"), new_dataset("faces"):
        pass
    assert dataset_info("faces") == before


def test_a_name_taken_meanwhile_is_refused():
    with pytest.raises(UserError, match="'faces' is taken"), new_dataset("faces") as writer:
        save()
        writer.append(batch(9))
        writer.finish("faces", "other.csv", 0, None)
    assert dataset_info("faces").source == "source.csv"
    assert os.listdir(datasets_folder()) == ["faces"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "x" * 65])
def test_a_name_that_is_not_plain_is_refused_everywhere(name):
    for use in (lambda n: new_dataset(n).__enter__(), load_dataset, dataset_info, remove_dataset):
        with pytest.raises(UserError, match="not a plain name"):
            use(name)


def test_what_a_killed_import_left_is_cleared_by_the_next():
    script = (
        "import time; from pipeline.data.store import new_dataset\n"
        "with new_dataset('killed'): print('ready', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    child.stdout.readline()
    save("while-alive")
    assert len(list(datasets_folder().glob(".import-*"))) == 1
    child.kill()
    child.communicate()
    assert dataset_names() == ["while-alive"]
    save("next")
    assert sorted(os.listdir(datasets_folder())) == ["next", "while-alive"]


def test_a_leftover_of_another_process_with_our_id_is_cleared():
    (datasets_folder() / f".import-{os.getpid()}-{int(time.time()) - 10**6}-x").mkdir(parents=True)
    save()
    assert os.listdir(datasets_folder()) == ["faces"]


def test_two_imports_of_one_process_do_not_meet():
    with new_dataset("first") as one, new_dataset("second") as two:
        for writer, name in ((one, "first"), (two, "second")):
            writer.append(batch(0))
            writer.finish(name, "x", 0, None)
    assert dataset_names() == ["first", "second"]


@pytest.mark.parametrize("file", ["images.npy", "index.parquet", "meta.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "spoilt"])
def test_a_damaged_data_set_says_so(file, damage):
    save()
    path = datasets_folder() / "faces" / file
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        content = {"empty": b"", "cut": whole[:-100], "spoilt": b"x" * len(whole)}[damage]
        path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"^Data set 'faces' is damaged, a file [^\n]*: remove it"
    ) as e:
        load_dataset("faces")
    assert "\n" not in str(e.value)


def test_an_unknown_data_set_names_those_there_are():
    for use in (load_dataset, dataset_info, remove_dataset):
        with pytest.raises(UserError, match="Unknown data set 'x'.*none yet"):
            use("x")
    save("a")
    save("b")
    with pytest.raises(UserError, match="Choose from: a, b"):
        load_dataset("x")


def test_names_are_those_of_whole_data_sets_in_order():
    assert dataset_names() == []
    save("b")
    save("a")
    (datasets_folder() / ".import-1-2-x").mkdir()
    (datasets_folder() / "notes.txt").write_text("")
    assert dataset_names() == ["a", "b"]


def test_a_removed_data_set_is_gone_even_if_damaged():
    save()
    (datasets_folder() / "faces" / "meta.json").unlink()
    remove_dataset("faces")
    assert os.listdir(datasets_folder()) == []


def test_a_renamed_data_set_keeps_its_faces_and_all_that_is_kept_with_them():
    info = save("old")
    exclude(load_dataset("old"), "dark", dict.fromkeys(["face1"], "by hand"))
    kept = sorted(os.listdir(datasets_folder() / "old"))

    rename_dataset("old", "new")

    assert dataset_names() == ["new"]
    assert load_dataset("new").fingerprint == info.fingerprint
    assert dataset_info("new") == info.model_copy(update={"name": "new"})
    assert json.loads((datasets_folder() / "new" / "meta.json").read_text())["name"] == "new"
    assert sorted(os.listdir(datasets_folder() / "new")) == kept
    assert load_exclusions("new", "dark").reasons == {"face1": "by hand"}


def test_a_data_set_is_called_as_its_folder_is():
    save("old")
    (datasets_folder() / "old").rename(datasets_folder() / "moved-by-hand")

    assert dataset_info("moved-by-hand").name == "moved-by-hand"


@pytest.mark.parametrize(
    ("name", "new", "sentence"),
    [
        ("a", "b", "'b' is taken"),
        ("a", "a", "'a' is taken"),
        ("a", "../c", "not a plain name"),
        ("a", "", "not a plain name"),
        ("../a", "c", "not a plain name"),
        ("x", "c", "Unknown data set 'x'. Choose from: a, b"),
    ],
)
def test_a_rename_that_cannot_be_is_refused_and_changes_nothing(name, new, sentence):
    save("a")
    save("b")
    with pytest.raises(UserError, match=sentence):
        rename_dataset(name, new)
    assert dataset_names() == ["a", "b"]
    assert dataset_info("a").name == "a"


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff"])
def test_a_damaged_data_set_can_be_renamed(content):
    save()
    meta = datasets_folder() / "faces" / "meta.json"
    meta.unlink() if content is None else meta.write_bytes(content)
    rename_dataset("faces", "broken")
    assert dataset_names() == ["broken"]
    with pytest.raises(UserError, match="'broken' is damaged"):
        load_dataset("broken")


def test_a_data_set_is_found_by_its_fingerprint_its_own_name_first():
    fingerprint = save("a").fingerprint
    save("b")
    save("c", batch(9))
    save("d")
    (datasets_folder() / "d" / "meta.json").write_text("{")
    assert [info.name for info in datasets_of(fingerprint[:12])] == ["a", "b"]
    assert find_dataset("b", fingerprint) == "b"
    assert find_dataset("c", fingerprint) == "a"
    assert find_dataset("gone", fingerprint) == "a"
    assert find_dataset("gone", "f" * 64) == "gone"


def test_a_failing_rename_is_not_taken_for_a_taken_name(monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.Path, "rename", fail)
    with pytest.raises(PermissionError):
        save()
