import hashlib
import json
import os
import random
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
from pipeline.storage import host_digest, remove_leftovers
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

    for field, changed in {
        "images": batch(0).images ^ 1,
        "labels": (batch(0).labels + 1) % 7,
        "splits": np.array(["train"] * 3),
    }.items():
        other = save(field, batch(0)._replace(**{field: changed}), batch(3))
        assert other.fingerprint != first.fingerprint, field


def test_a_failed_import_leaves_nothing(monkeypatch):
    with pytest.raises(ZeroDivisionError), new_dataset("faces") as writer:
        writer.append(batch(0))
        raise ZeroDivisionError
    assert os.listdir(datasets_folder()) == []

    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.Path, "rename", fail)
    with pytest.raises(PermissionError):  # not taken for a taken name
        save()
    assert os.listdir(datasets_folder()) == []


def test_a_name_that_is_taken_before_or_meanwhile_is_refused():
    before = save()
    with pytest.raises(UserError, match="'faces' is taken"), new_dataset("faces"):
        pass
    assert dataset_info("faces") == before

    with pytest.raises(UserError, match="'late' is taken"), new_dataset("late") as writer:
        save("late")
        writer.append(batch(9))
        writer.finish("late", "other.csv", 0, None)
    assert dataset_info("late").source == "source.csv"
    assert sorted(os.listdir(datasets_folder())) == ["faces", "late"]


def test_a_name_that_is_not_plain_or_unknown_is_refused_everywhere():
    uses = (load_dataset, dataset_info, remove_dataset)
    for name in ("", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "x" * 65):
        for use in (lambda name: new_dataset(name).__enter__(), *uses):
            with pytest.raises(UserError, match="cannot be used"):
                use(name)
    for use in uses:
        with pytest.raises(UserError, match="Unknown data set 'x'.*none yet"):
            use("x")
    save("b")
    save("a")
    with pytest.raises(UserError, match="Choose from: a, b"):
        load_dataset("x")


def test_what_a_killed_import_left_is_removed_by_the_next():
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
    # another process may have had our id
    started = int(time.time()) - 10**6
    (datasets_folder() / f".import-{os.getpid()}-{started}-{host_digest()}-x").mkdir()
    elsewhere = datasets_folder() / ".import-1-2-00000000-x"  # of another container, which works
    elsewhere.mkdir()
    save("next")
    assert sorted(os.listdir(datasets_folder())) == [elsewhere.name, "next", "while-alive"]


def test_the_folder_of_a_data_set_has_the_permissions_that_the_umask_says():
    before = os.umask(0o027)
    try:
        save()
    finally:
        os.umask(before)
    assert (datasets_folder() / "faces").stat().st_mode & 0o777 == 0o750


def test_two_imports_of_one_process_do_not_meet():
    with new_dataset("first") as one, new_dataset("second") as two:
        for writer, name in ((one, "first"), (two, "second")):
            writer.append(batch(0))
            writer.finish(name, "x", 0, None)
    assert dataset_names() == ["first", "second"]


def test_names_are_those_of_whole_data_sets_in_order():
    assert dataset_names() == []
    save("b")
    save("a")
    (datasets_folder() / ".import-1-2-x").mkdir()
    (datasets_folder() / "notes.txt").write_text("")
    assert dataset_names() == ["a", "b"]


@pytest.mark.parametrize("file", ["images.npy", "index.parquet", "meta.json"])
def test_a_damaged_data_set_gives_one_sentence_and_nothing_else(file):
    save()
    path = datasets_folder() / "faces" / file
    whole = path.read_bytes()

    def sentence() -> str:
        with pytest.raises(UserError) as caught:
            load_dataset("faces")
        return str(caught.value)

    path.unlink()
    assert sentence() == (
        "Data set 'faces' is damaged, a file is missing: remove it and import it again."
    )
    cannot_be_read = "Data set 'faces' is damaged, a file cannot be read: remove it and import"
    edits = {
        "images.npy": [(b"}", b" "), (b"|u1", b"<f8")],
        "index.parquet": [],
        "meta.json": [(b"{", b"[")],
    }
    for content in (
        b"",
        whole[:-100],
        b"x" * len(whole),
        *(whole.replace(old, new, 1) for old, new in edits[file]),
    ):
        path.write_bytes(content)
        assert sentence().startswith(cannot_be_read)

    draw, refused = random.Random(7), 0
    for _ in range(150):
        path.write_bytes(randomly_damaged(whole, draw))
        try:
            load_dataset("faces")
        except UserError as error:
            refused += str(error).endswith(": remove it and import it again.")
    assert refused > 50


def randomly_damaged(content: bytes, draw: random.Random) -> bytes:
    """Cut, overwrite or insert bytes, most often near one of the ends, where headers are."""
    places = (draw.randrange(128), -1 - draw.randrange(128), draw.randrange(len(content)))
    place, noise = draw.choice(places), draw.randbytes(draw.randint(1, 6))
    kind = draw.choice(("cut", "overwrite", "insert"))
    if kind == "cut":
        return content[:place]
    changed = bytearray(content)
    changed[place : place + len(noise) * (kind == "overwrite")] = noise
    return bytes(changed)


def test_a_damaged_data_set_can_be_renamed_and_removed(monkeypatch):
    for content in (None, b"", b"[]", b"\xff"):
        save()
        meta = datasets_folder() / "faces" / "meta.json"
        meta.unlink() if content is None else meta.write_bytes(content)
        rename_dataset("faces", "broken")
        assert dataset_names() == ["broken"]
        with pytest.raises(UserError, match="'broken' is damaged"):
            load_dataset("broken")
        remove_dataset("broken")
        assert os.listdir(datasets_folder()) == []

    def fail(*_):
        raise PermissionError(13, "Permission denied")

    save()
    monkeypatch.setattr(store.shutil, "rmtree", fail)
    with pytest.raises(UserError, match="'faces' cannot be removed: Permission denied"):
        remove_dataset("faces")
    assert dataset_names() == ["faces"]


def test_a_renamed_data_set_keeps_everything_in_its_folder():
    info = save("old")
    exclude(load_dataset("old"), "dark", dict.fromkeys(["face1"], "by hand"))
    files = sorted(os.listdir(datasets_folder() / "old"))

    rename_dataset("old", "new")

    assert dataset_names() == ["new"]
    assert load_dataset("new").fingerprint == info.fingerprint
    assert dataset_info("new") == info.model_copy(update={"name": "new"})
    assert json.loads((datasets_folder() / "new" / "meta.json").read_text())["name"] == "new"
    assert sorted(os.listdir(datasets_folder() / "new")) == files
    assert load_exclusions("new", "dark").reasons == {"face1": "by hand"}

    (datasets_folder() / "new").rename(datasets_folder() / "moved-by-hand")
    assert dataset_info("moved-by-hand").name == "moved-by-hand"


def test_a_rename_that_cannot_be_done_is_refused_and_changes_nothing():
    save("a")
    save("b")
    for name, new, sentence in (
        ("a", "b", "'b' is taken"),
        ("a", "a", "'a' is taken"),
        ("a", "../c", "cannot be used"),
        ("a", "", "cannot be used"),
        ("../a", "c", "cannot be used"),
        ("x", "c", "Unknown data set 'x'. Choose from: a, b"),
    ):
        with pytest.raises(UserError, match=sentence):
            rename_dataset(name, new)
        assert dataset_names() == ["a", "b"] and dataset_info("a").name == "a"


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


def test_a_removal_that_is_killed_leaves_no_partial_data_set():
    save()
    code = """import os
from pipeline.data import store
store.shutil.rmtree = lambda path: os._exit(9)
store.remove_dataset("faces")"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert dataset_names() == []

    remove_leftovers(datasets_folder())
    assert not list(datasets_folder().iterdir())
