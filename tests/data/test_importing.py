import errno
from pathlib import Path

import pytest

from pipeline.data import store
from pipeline.data.importing import import_dataset
from pipeline.errors import UserError
from pipeline.workspace import PROJECT
from tests.data.source_makers import WRITERS, csv_text, image_file, row, write_folder

DATA = PROJECT.parent / "shared" / "data"
TRAIN = [3995, 436, 4097, 7215, 4830, 3171, 4965]
PUBLIC_TEST = [467, 56, 496, 895, 653, 415, 607]


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "fer.csv"
    path.write_text(csv_text(row(), row()))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packed", "votes"), [("fer2013.tar.gz", "fer2013new.csv"), ("archive.zip", None)]
)
def test_fer2013_has_its_known_counts(packed, votes):
    if not (DATA / packed).exists():
        pytest.skip(f"{DATA / packed} is not on this machine")
    info = import_dataset(DATA / packed, "fer2013", ferplus=DATA / votes if votes else None)
    assert list(info.counts) == ["train", "public_test"]
    assert list(info.counts["train"].values()) == TRAIN
    assert list(info.counts["public_test"].values()) == PUBLIC_TEST


def test_a_name_that_cannot_be_used_is_refused_before_reading(source):
    import_dataset(source, "taken")
    for name in ("taken", "../x", "", "a b"):
        with pytest.raises(UserError, match="taken|cannot be used"):
            import_dataset(Path("never read"), name)


def test_what_cannot_be_imported_is_refused(tmp_path, source, refusal):
    assert "no file or folder" in refusal(tmp_path / "none.csv")
    assert "Unknown split 'x'. Choose from: train, " in refusal(source, split="x")
    for name in ("a.png", "a.txt", "a.tar.bz2", "a"):
        (tmp_path / name).write_bytes(image_file())
        assert f"{name} cannot be imported. Formats: " in refusal(tmp_path / name)
    for packed, write in WRITERS.items():
        words = write(tmp_path / packed, {"notes.txt": b"words"})
        assert f"{packed} cannot be imported. Formats: " in refusal(words)


def test_the_current_folder_and_a_link_are_read_by_their_own_names(
    tmp_path, source, imported, monkeypatch
):
    monkeypatch.chdir(write_folder(tmp_path / "photos", {"happy/a.png": image_file()}))
    assert len(imported(Path("."))) == 1
    assert store.dataset_info("faces").source == "photos"

    link = tmp_path / "link.csv"
    link.symlink_to(source.rename(tmp_path / "blob"))
    assert len(imported(link)) == 2


def test_a_full_disk_is_one_sentence_and_leaves_nothing(source, refusal, monkeypatch):
    for owner, method in (
        (store.DatasetWriter, "append"),
        (store.DatasetWriter, "finish"),
        (store.os, "fsync"),
    ):
        for code in (errno.ENOSPC, errno.EDQUOT):

            def fail(*_, code=code, **__):
                raise OSError(code, "full")

            with monkeypatch.context() as patch:
                patch.setattr(owner, method, fail)
                assert "(full): free some space and import it again" in refusal(source), method


def test_an_unreadable_source_is_named(source, tmp_path, refusal, monkeypatch):
    def fail(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pipeline.data.readers.archive.FileIO", fail)
    for each in (source, write_folder(tmp_path / "a", {"happy/a.png": image_file()})):
        sentence = refusal(each)
        assert str(each) in sentence and "Permission denied" in sentence


def test_a_workspace_that_cannot_be_written_is_named(source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="file/datasets: Not a directory"):
        import_dataset(source, "faces")


def test_an_interrupted_import_leaves_nothing(source, empty_workspace):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(source, "faces", on_progress=interrupt)
    assert list((empty_workspace / "datasets").iterdir()) == []
