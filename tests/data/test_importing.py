import errno
from pathlib import Path

import pytest

from pipeline.data import store, writer
from pipeline.data.importing import import_dataset
from pipeline.errors import UserError
from pipeline.workspace import PROJECT
from tests.data.source_makers import WRITERS, csv_text, picture, row, write_folder

DATA = PROJECT.parent / "shared" / "data"
TRAIN = [3995, 436, 4097, 7215, 4830, 3171, 4965]
PUBLIC_TEST = [467, 56, 496, 895, 653, 415, 607]


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "fer.csv"
    path.write_text(csv_text(row(), row()))
    return path


@pytest.mark.parametrize(
    ("packed", "votes"), [("fer2013.tar.gz", "fer2013new.csv"), ("archive.zip", None)]
)
def test_the_real_fer2013_has_its_known_counts(packed, votes):
    if not (DATA / packed).exists():
        pytest.skip(f"{DATA / packed} is not on this machine")
    info = import_dataset(DATA / packed, "fer2013", ferplus=DATA / votes if votes else None)
    assert list(info.counts) == ["train", "public_test"]
    assert list(info.counts["train"].values()) == TRAIN
    assert list(info.counts["public_test"].values()) == PUBLIC_TEST


@pytest.mark.parametrize("name", ["taken", "../x", "", "a b"])
def test_a_name_that_cannot_be_had_is_refused_before_reading(name, source):
    import_dataset(source, "taken")
    with pytest.raises(UserError, match="taken|plain name"):
        import_dataset(Path("never read"), name)


def test_a_source_that_is_not_there_is_refused(tmp_path, refusal):
    assert "no file or folder" in refusal(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["a.png", "a.txt", "a.tar.bz2", "a"])
def test_a_source_of_no_known_kind_is_refused(name, tmp_path, refusal):
    (tmp_path / name).write_bytes(picture())
    assert f"{name} is none of what can be imported" in refusal(tmp_path / name)


@pytest.mark.parametrize("packed", WRITERS)
def test_a_source_with_neither_csv_nor_picture_is_refused(packed, tmp_path, refusal):
    source = WRITERS[packed](tmp_path / packed, {"notes.txt": b"words"})
    assert "none of what can be imported" in refusal(source)


def test_an_unknown_split_is_refused(source, refusal):
    assert "Unknown split 'x'. Choose from: train, " in refusal(source, split="x")


def test_the_current_folder_can_be_imported(tmp_path, imported, monkeypatch):
    monkeypatch.chdir(write_folder(tmp_path / "photos", {"happy/a.png": picture()}))
    assert len(imported(Path("."))) == 1
    assert store.dataset_info("faces").source == "photos"


def test_a_link_to_a_source_is_read_by_its_own_name(tmp_path, source, imported):
    link = tmp_path / "link.csv"
    link.symlink_to(source.rename(tmp_path / "blob"))
    assert len(imported(link)) == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("method", ["append", "finish"])
def test_a_full_disk_is_told_and_leaves_nothing(code, method, source, refusal, monkeypatch):
    def fail(*_):
        raise OSError(code, "full")

    monkeypatch.setattr(writer.DatasetWriter, method, fail)
    assert "disk is full" in refusal(source)


def test_a_disk_that_fills_while_closing_is_told(source, refusal, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(writer.os, "fsync", fail)
    assert "disk is full" in refusal(source)


@pytest.mark.parametrize("kind", ["CSV", "folder"])
def test_an_unreadable_source_is_named(kind, source, tmp_path, refusal, monkeypatch):
    if kind == "folder":
        source = write_folder(tmp_path / "a", {"happy/a.png": picture()})

    def fail(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pipeline.data.readers.archive.FileIO", fail)
    sentence = refusal(source)
    assert str(source) in sentence and "Permission denied" in sentence


def test_a_workspace_that_cannot_be_written_is_named(source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="file/datasets: Not a directory"):
        import_dataset(source, "faces")


def test_an_import_that_is_interrupted_leaves_nothing(source, empty_workspace):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(source, "faces", on_progress=interrupt)
    assert list((empty_workspace / "datasets").iterdir()) == []
