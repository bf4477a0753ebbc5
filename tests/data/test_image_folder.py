import pytest

from pipeline.data.importing import import_dataset
from pipeline.data.readers import image_folder
from tests.data.source_makers import WRITERS, noise, picture, write_folder, write_zip


@pytest.mark.parametrize("packed", WRITERS)
@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        pytest.param("train/happy/a.png", 3, "train", id="train"),
        pytest.param("test/sad/a.png", 4, "test", id="test"),
        pytest.param("validation/angry/a.png", 0, "validation", id="validation"),
        pytest.param("archive/fer/train/fear/a.png", 2, "train", id="folders on top"),
        pytest.param("./train/fear/a.png", 2, "train", id="a leading dot"),
        pytest.param("TRAIN/Happy/A.PNG", 3, "train", id="upper case"),
        pytest.param("val/Surprised/a.png", 5, "validation", id="synonyms"),
        pytest.param("train/happiness/a.png", 3, "train", id="synonym of a class"),
        pytest.param("test/happy/PublicTest_7.png", 3, "public_test", id="PublicTest_"),
        pytest.param("test/happy/PrivateTest_7.png", 3, "private_test", id="PrivateTest_"),
        pytest.param("train/happy/PublicTest_7.png", 3, "train", id="PublicTest_ outside test"),
        pytest.param("PrivateTest/happy/a.png", 3, "private_test", id="Usage as a folder"),
        pytest.param("disgust/a.png", 1, "train", id="without splits"),
        pytest.param("faces/neutral/a.png", 6, "train", id="a folder that is no split"),
    ],
)
def test_folders_tell_the_emotion_and_the_split(name, label, split, packed, tmp_path, imported):
    faces = imported(WRITERS[packed](tmp_path / packed, {name: picture()}))
    assert (faces.labels.tolist(), faces.splits.tolist()) == ([label], [split])


def test_pictures_without_splits_go_where_they_are_told(tmp_path, imported):
    source = write_folder(tmp_path / "a", {"happy/a.png": picture(), "test/sad/b.png": picture()})
    assert imported(source, split="validation").splits.tolist() == ["validation", "test"]


@pytest.mark.parametrize("packed", WRITERS)
def test_litter_of_systems_is_passed_over(packed, tmp_path, imported):
    files = {
        "train/happy/a.png": picture(),
        "train/happy/.a.png": b"hidden",
        "train/happy/._a.png": b"macOS",
        "train/happy/.DS_Store": b"macOS",
        "train/happy/Thumbs.db": b"Windows",
        "train/happy/desktop.ini": b"Windows",
        "__MACOSX/train/happy/a.png": b"macOS",
        ".git/happy/a.png": b"hidden",
        "LICENSE.txt": b"words",
    }
    faces = imported(WRITERS[packed](tmp_path / packed, files))
    assert faces.ids.tolist() == ["train/happy/a"]


@pytest.mark.parametrize("packed", WRITERS)
def test_ids_stay_unique_where_only_the_endings_differ(packed, tmp_path, imported):
    names = ("a.bmp", "a.bmp.png", "a.jpg", "a.png")
    files = {f"happy/{name}": noise(i, name[-4:]) for i, name in enumerate(names)}
    ids = imported(WRITERS[packed](tmp_path / packed, files)).ids.tolist()
    assert ids[0] == "happy/a" and len(set(ids)) == 4


def test_a_zip_and_its_folder_have_one_fingerprint(tmp_path, imported):
    names = ("a/happy/a.png", "a/happy/b.png", "a/sad/a.png", "a-b/sad/c.png")
    files = {name: noise(i) for i, name in enumerate(names)}
    first = import_dataset(write_folder(tmp_path / "a", files), "first")
    second = import_dataset(write_zip(tmp_path / "a.zip", files), "second")
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("packed", WRITERS)
def test_a_folder_that_names_no_emotion_is_refused_or_counted(packed, tmp_path, refusal):
    files = {f"train/happy/{i}.png": noise(i) for i in range(3)}
    files |= {f"train/zcontempt/{i}.png": noise(i) for i in range(2)}
    source = WRITERS[packed](tmp_path / packed, files)
    sentence = refusal(source)
    assert "'train/zcontempt/0.png'" in sentence and "--skip-unknown" in sentence
    info = import_dataset(source, "faces", skip_unknown=True)
    assert (info.faces, info.skipped) == (3, 2)


@pytest.mark.parametrize("faces_at_once", [1, 2, 3, 4])
def test_no_picture_is_lost_between_batches(faces_at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(image_folder, "_FACES_AT_ONCE", faces_at_once)
    files = {f"train/happy/{i}.png": noise(i) for i in range(4)}
    files |= {"train/contempt/0.png": noise(9), "train/zzz/0.png": noise(9)}
    info = import_dataset(write_folder(tmp_path / "a", files), "faces", skip_unknown=True)
    assert (info.faces, info.skipped) == (4, 2)


@pytest.mark.parametrize("packed", WRITERS)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="no byte"),
        pytest.param(b"words", id="no picture"),
        pytest.param(noise(1)[:-20], id="cut"),
    ],
)
def test_a_picture_that_does_not_decode_is_named(content, packed, tmp_path, refusal):
    files = {"train/happy/a.png": picture(), "train/happy/b.png": content}
    sentence = refusal(WRITERS[packed](tmp_path / packed, files))
    assert f"{packed if '.' in packed else 'folder'}: " in sentence
    assert "'train/happy/b.png' does not decode" in sentence


def test_a_file_too_large_for_a_picture_is_not_read(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(image_folder, "LARGEST_PICTURE", 10)
    source = write_folder(tmp_path / "a", {"happy/a.png": picture()})
    assert "does not decode" in refusal(source)


def test_only_unknown_folders_are_no_data_set(tmp_path, refusal):
    source = write_folder(tmp_path / "a", {"contempt/a.png": picture()})
    assert "holds no picture in a folder named after" in refusal(source, skip_unknown=True)


def test_a_name_that_is_no_text_is_imported(tmp_path, imported):
    folder = write_folder(tmp_path / "a", {"happy/a.png": picture()})
    (folder / "happy" / b"\xff\n.png".decode("utf-8", "surrogateescape")).write_bytes(picture(9))
    assert len(imported(folder)) == 2


def test_a_broken_name_is_told_on_one_line(tmp_path, refusal):
    folder = write_folder(tmp_path / "a", {"happy/a.png": picture()})
    (folder / "happy" / b"\xff\n.png".decode("utf-8", "surrogateescape")).write_bytes(b"")
    assert "does not decode" in refusal(folder)
