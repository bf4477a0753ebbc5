import pytest

from pipeline.data import store
from pipeline.data.import_options import ImportOptions
from pipeline.data.importing import import_dataset, survey_source
from pipeline.data.readers import image_folder
from pipeline.labels import EMOTIONS
from tests.data.source_makers import WRITERS, image_file, noise_file, write_folder, write_zip

NAMES = {
    "train/happy/a.png": (3, "train"),
    "test/sad/a.png": (4, "test"),
    "validation/angry/a.png": (0, "validation"),
    "archive/fer/train/fear/a.png": (2, "train"),
    "./train/fear/b.png": (2, "train"),
    "TRAIN/Happy/A.PNG": (3, "train"),
    "val/Surprised/a.png": (5, "validation"),
    "train/happiness/a.png": (3, "train"),
    "test/happy/PublicTest_7.png": (3, "public_test"),
    "test/happy/PrivateTest_7.png": (3, "private_test"),
    "train/happy/PublicTest_7.png": (3, "train"),
    "PrivateTest/happy/a.png": (3, "private_test"),
    "disgust/a.png": (1, "train"),
    "faces/neutral/a.png": (6, "train"),
}
"""Path of an image → its label and its split."""


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """Write files to a folder, a zip or a tar."""
    return lambda files: WRITERS[request.param](tmp_path / request.param, files)


def test_folders_name_the_emotion_and_the_split(write, imported):
    faces = imported(write(dict.fromkeys(NAMES, image_file())))
    expected = {name[:-4].removeprefix("./"): found for name, found in NAMES.items()}
    found = zip(faces.labels.tolist(), faces.splits.tolist(), strict=True)
    assert dict(zip(faces.ids.tolist(), found, strict=True)) == expected


def test_file_names_of_fer2013_name_the_split_where_no_folder_does(tmp_path, imported):
    files = ("happy/Training_1.png", "happy/PublicTest_2.png", "sad/PrivateTest_3.png", "sad/4.png")
    faces = imported(write_folder(tmp_path / "a", dict.fromkeys(files, image_file())), split="test")
    assert faces.splits.tolist() == ["public_test", "train", "test", "private_test"]


def test_images_below_no_split_get_the_given_one(tmp_path, imported):
    files = {"happy/a.png": image_file(), "test/sad/b.png": image_file()}
    faces = imported(write_folder(tmp_path / "a", files), split="validation")
    assert faces.splits.tolist() == ["validation", "test"]


def test_hidden_files_and_those_of_macos_and_windows_are_skipped(write, imported):
    files = {
        "train/happy/a.png": image_file(),
        "train/happy/.a.png": b"hidden",
        "train/happy/._a.png": b"macOS",
        "train/happy/.DS_Store": b"macOS",
        "train/happy/Thumbs.db": b"Windows",
        "train/happy/desktop.ini": b"Windows",
        "__MACOSX/train/happy/a.png": b"macOS",
        ".git/happy/a.png": b"hidden",
        "LICENSE.txt": b"words",
    }
    assert imported(write(files)).ids.tolist() == ["train/happy/a"]


def test_ids_stay_unique_where_only_the_suffixes_differ(write, imported):
    names = ("a.bmp", "a.bmp.png", "a.jpg", "a.png")
    files = {f"happy/{name}": noise_file(i, name[-4:]) for i, name in enumerate(names)}
    ids = imported(write(files)).ids.tolist()
    assert ids[0] == "happy/a" and len(set(ids)) == 4


def test_a_zip_and_its_folder_have_one_fingerprint(tmp_path):
    names = ("test/happy/a.png", "test/happy/b.png", "test/sad/a.png", "test-1/sad/c.png")
    files = {name: noise_file(i) for i, name in enumerate(names)}
    first = import_dataset(write_folder(tmp_path / "a", files), "first")
    second = import_dataset(write_zip(tmp_path / "a.zip", files), "second")
    assert first.fingerprint == second.fingerprint


def test_a_folder_that_names_no_emotion_is_refused_or_skipped(write, refusal):
    files = {f"train/happy/{i}.png": noise_file(i) for i in range(3)}
    files |= {f"train/zcontempt/{i}.png": noise_file(i) for i in range(2)}
    source = write(files)
    sentence = refusal(source)
    assert "'train/zcontempt/0.png'" in sentence and "--skip-unknown" in sentence
    info = import_dataset(source, "faces", ImportOptions(skip_unknown=True))
    assert (info.faces, info.skipped) == (3, 2)


def test_no_image_is_lost_between_batches(tmp_path, monkeypatch):
    files = {f"train/happy/{i}.png": noise_file(i) for i in range(4)}
    files |= {"train/contempt/0.png": noise_file(9), "train/zzz/0.png": noise_file(9)}
    source = write_folder(tmp_path / "a", files)
    for size in (1, 2, 3, 4):
        monkeypatch.setattr(image_folder, "_BATCH_SIZE", size)
        info = import_dataset(source, f"faces{size}", ImportOptions(skip_unknown=True))
        assert (info.faces, info.skipped) == (4, 2), size


def test_an_image_that_does_not_decode_is_named(write, refusal):
    for content in (b"", b"words", noise_file(1)[:-20]):
        source = write({"train/happy/a.png": image_file(), "train/happy/b.png": content})
        sentence = refusal(source)
        assert sentence.startswith(f"{source.name}: the image 'train/happy/b.png' does not decode")


def test_sources_without_a_usable_image_are_refused(tmp_path, refusal, monkeypatch):
    source = write_folder(tmp_path / "a", {"contempt/a.png": image_file()})
    assert "holds no image in a folder named after" in refusal(source, skip_unknown=True)

    source = write_folder(tmp_path / "b", {"happy/a.png": image_file()})
    odd = source / "happy" / b"\xff\n.png".decode("utf-8", "surrogateescape")
    odd.write_bytes(b"")
    assert "does not decode" in refusal(source)  # one line, whatever the name

    odd.unlink()
    monkeypatch.setattr(image_folder, "MAX_BYTES", 10)
    assert "does not decode" in refusal(source)


def test_a_name_that_is_not_text_is_imported(tmp_path, imported):
    folder = write_folder(tmp_path / "a", {"happy/a.png": image_file()})
    odd = b"\xff\n.png".decode("utf-8", "surrogateescape")
    (folder / "happy" / odd).write_bytes(image_file(9))
    assert len(imported(folder)) == 2


def found(faces) -> dict[str, tuple[str, str]]:
    """Return id → emotion and split."""
    rows = zip(faces.ids.tolist(), faces.labels, faces.splits.tolist(), strict=True)
    return {id: (EMOTIONS[label], split) for id, label, split in rows}


def images(*names: str) -> dict[str, bytes]:
    return {name: noise_file(seed) for seed, name in enumerate(names)}


def test_every_folder_of_a_path_may_name_the_split(tmp_path, imported):
    cases = (
        (("training_set/sad/a.png", "test_set/sad/b.png"), ("train", "test")),
        (("Training/images/sad/a.png", "dev/images/sad/b.png"), ("train", "validation")),
        (("sad/train/a.png", "sad/hold-out/b.png"), ("train", "test")),
        (("w/archive/train/sad/a.png", "w/archive/val/sad/b.png"), ("train", "validation")),
        (("w/sad/a.png", "w/happy/b.png"), ("train", "train")),
        (("train/1/sad/a.png", "Private Test/2/sad/b.png"), ("train", "private_test")),
        (("sad/S1/a.png", "sad/S2/b.png"), ("train", "train")),
        (("train_sad/a.png", "sad-test/b.png"), ("train", "test")),
    )
    for number, (names, splits) in enumerate(cases):
        faces = found(imported(write_folder(tmp_path / str(number), images(*names))))
        assert {id: split for id, (_, split) in faces.items()} == {
            name[:-4]: split for name, split in zip(names, splits, strict=True)
        }, names


def test_a_folder_that_may_hide_a_split_is_refused_until_it_is_said(tmp_path, refusal, imported):
    for number, (names, unknown) in enumerate(
        (
            (("train/sad/a.png", "quiz/sad/b.png"), ["quiz"]),
            (("S001/sad/a.png", "S002/sad/b.png"), ["S001", "S002"]),
            (("sad/test/a.png", "sad/rest/b.png"), ["rest"]),
            (("w/fold1/sad/a.png", "w/fold2/sad/b.png"), ["fold1", "fold2"]),
        )
    ):
        source = write_folder(tmp_path / str(number), images(*names))
        sentence = refusal(source)
        assert f"Unknown: {', '.join(unknown)}." in sentence and "--split-map" in sentence
        said = {name.lower(): "validation" for name in unknown}
        for split_map in (said, {"*": "validation"}):
            faces = imported(source, split_map=split_map)
            assert faces.splits.tolist().count("validation") == len(unknown), names


def test_a_path_that_names_two_splits_or_two_classes_is_refused(tmp_path, refusal):
    for number, (name, what) in enumerate(
        (
            ("train/test/sad/a.png", "two splits, 'train' and 'test'"),
            ("val/sad/Training/a.png", "two splits, 'val' and 'Training'"),
            ("train/happy/sad/a.png", "two classes, 'happy' and 'sad'"),
        )
    ):
        source = write_folder(tmp_path / str(number), images(name, "train/fear/b.png"))
        assert what in refusal(source)


def test_numbers_are_classes_only_by_a_scheme_or_a_map(write, imported, refusal):
    source = write(images("train/1/a.png", "test/4/b.png"))
    sentence = refusal(source)
    assert "Unknown: 1, 4." in sentence and "--map" in sentence and "--classes" in sentence
    assert found(imported(source, scheme="rafdb")) == {
        "train/1/a": ("surprise", "train"),
        "test/4/b": ("happy", "test"),
    }
    assert found(imported(source, class_map={"1": "fear", "4": "skip"})) == {
        "train/1/a": ("fear", "train")
    }


def test_subjects_may_lie_below_classes_of_any_kind(tmp_path, imported, refusal):
    names = ("train/3_happy/S1/a.png", "train/contempt/S2/b.png")
    source = write_folder(tmp_path / "a", images(*names))
    assert "Unknown: contempt." in refusal(source)
    assert imported(source, class_map={"contempt": "sad"}).labels.tolist() == [3, 4]
    source = write_folder(tmp_path / "b", images("3/S1/a.png", "4/S1/b.png"))
    assert imported(source, scheme="fer2013").labels.tolist() == [3, 4]


def test_codes_of_jaffe_are_classes_only_where_nothing_else_is(tmp_path, imported, refusal):
    flat = ("KA.AN1.39.tiff", "KM.NE2.5.tiff", "UY.SU1.140.tiff")
    for number, names in enumerate((flat, ("AN/a.png", "NE/b.png", "su/c.png"))):
        faces = imported(write_folder(tmp_path / str(number), images(*names)))
        assert [EMOTIONS[label] for label in faces.labels] == ["angry", "neutral", "surprise"]
    subjects = write_folder(tmp_path / "a", images("SA/contempt/a.png", "SA/sad/b.png"))
    assert "Unknown: contempt." in refusal(subjects)


def test_flat_files_of_kdef_and_converted_ones_of_jaffe_have_classes(tmp_path, imported):
    names = ("AF01/AF01AFS.JPG", "AF01/AF01HAHL.JPG", "BM35/BM35NES.JPG", "x/KA_SU1_36.png")
    faces = imported(write_folder(tmp_path / "a", images(*names)))
    assert [EMOTIONS[label] for label in faces.labels] == ["fear", "happy", "neutral", "surprise"]


def test_bad_images_are_skipped_and_listed_up_to_a_share(tmp_path, imported, refusal):
    files = images(*(f"train/happy/{number}.png" for number in range(19)))
    files |= {"train/happy/empty.jpg": b"", "train/happy/notes.txt": b"words", "labels.csv": b"a,b"}
    source = write_folder(tmp_path / "a", files)
    assert len(imported(source)) == 19
    info, log = store.dataset_info("faces"), store.dataset_folder("faces") / "import.log"
    assert info.skipped == 1 and "train/happy/empty.jpg: does not decode" in log.read_text()
    assert "train/happy/notes.txt: is no image" in log.read_text()
    assert "no bad image is allowed" in refusal(source, bad_files="none")

    (source / "train/happy/words.png").write_bytes(b"words")
    assert "2 of 21 images are bad, more than 5%" in refusal(source)
    assert len(imported(source, bad_files="any")) == 19


def test_a_source_whose_images_are_all_bad_is_refused_whatever_is_allowed(tmp_path, refusal):
    source = write_folder(tmp_path / "a", {"happy/a.png": b"", "happy/b.png": b"words"})
    sentence = refusal(source, bad_files="any")
    assert "holds no image that can be used, of 2 that name an emotion" in sentence


def test_a_refusal_names_some_of_many_classes(tmp_path, refusal):
    source = write_folder(tmp_path / "a", images(*(f"{n} {'x' * 30}/a.png" for n in range(20))))
    assert "and 17 more. Say what" in refusal(source)


def test_an_incomplete_jpeg_is_no_bad_image(tmp_path, imported):
    whole = noise_file(1, ".jpg")
    source = write_folder(tmp_path / "a", {"happy/a.jpg": whole[: len(whole) * 3 // 4]})
    assert len(imported(source, bad_files="none")) == 1


def test_a_survey_says_what_the_names_mean_and_imports_nothing(write):
    source = write(images("train/happy/a.png", "train/7/b.png", "quiz/sad/c.png", "quiz/sad/d.png"))
    found = survey_source(source)
    assert {name: each[:2] for name, each in found.classes.items()} == {
        "happy": (1, "happy"), "7": (1, None), "sad": (2, "sad"),
    }  # fmt: skip
    assert found.splits == {"train": (2, "train", None), "quiz": (2, None, None)}
    said = ImportOptions(class_map={"7": "skip"}, split_map={"quiz": "test"})
    found = survey_source(source, said)
    assert found.classes["7"].meaning == "skip" and found.splits["quiz"].meaning == "test"
    assert store.dataset_names() == []
