import pytest

from pipeline.data.store import dataset_folder, load_dataset
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from tests.cli.commands import document, output
from tests.data.source_makers import noise_file, write_folder, write_zip


def images(*names: str) -> dict[str, bytes]:
    return {name: noise_file(seed) for seed, name in enumerate(names)}


def test_an_import_says_how_many_faces_of_each_class_went_to_each_split(tmp_path):
    names = ("training_set/sad/a.png", "training_set/sad/b.png", "dev/happy/c.png")
    source = write_zip(tmp_path / "a.zip", images(*names))
    printed = output("import", str(source), "--name", "faces").splitlines()
    assert printed[0] == "Imported 3 faces as 'faces'."
    rows = [line.split() for line in printed if line.split()]
    assert rows[1] == ["emotion", "train", "validation"]
    assert [row[0] for row in rows[3:]] == list(EMOTIONS)
    assert ["sad", "2", "0"] in rows and ["happy", "0", "1"] in rows


def test_the_first_ten_bad_images_are_listed_and_the_log_has_all(tmp_path):
    files = images("sad/a.png", "contempt\x1b[31m/b.png")
    files |= {f"sad/empty{number:02}.png": b"" for number in range(12)}
    source = str(write_folder(tmp_path / "a", files))
    printed = output("import", source, "--name", "faces", "--skip-bad", "--skip-unknown")
    assert "Imported 1 faces as 'faces', 13 images skipped." in printed
    assert "Skipped classes: contempt\\x1b[31m 1." in printed
    assert printed.count("does not decode") == 10 and "empty09" in printed
    assert "… and 2 more images, all in" in printed
    log = (dataset_folder("faces") / "import.log").read_text()
    assert log.count("does not decode") == 12 and "skipped class contempt\x1b[31m: 1" in log
    assert document("datasets")[0]["skipped"] == 13


def test_classes_and_splits_are_said_by_options(tmp_path):
    names = ("a,b/0/x.png", "S2/1/x.png", "S3/7/x.png")
    source = str(write_folder(tmp_path / "a", images(*names)))
    said = ("--map", "0=fear,1 = Sad", "--map", "7=skip")
    splits = ("--split-map", '"a,b=test",s2=validation', "--split-map", "*=train")
    output("import", source, "--name", "faces", *said, *splits)
    faces = load_dataset("faces")
    rows = zip(faces.ids.tolist(), faces.labels, faces.splits.tolist(), strict=True)
    assert {id: (EMOTIONS[label], split) for id, label, split in rows} == {
        "a,b/0/x": ("fear", "test"), "S2/1/x": ("sad", "validation"),
    }  # fmt: skip
    output("import", source, "--name", "b", "--classes", "affectnet", "--skip-unknown", *splits)
    assert sorted(load_dataset("b").labels.tolist()) == [3, 6]


def test_wrong_options_are_refused(tmp_path):
    source = str(write_folder(tmp_path / "a", images("sad/a.png")))
    for words, sentence in (
        (("--map", "1"), "--map takes NAME=MEANING"),
        (("--map", "=sad"), "--map takes NAME=MEANING"),
        (("--map", "1=sad,1=fear"), "--map gives '1' two meanings"),
        (("--map", "1=bored"), "Unknown emotion 'bored'"),
        (("--split-map", "a=quiz"), "Unknown split 'quiz'"),
        (("--classes", "imagenet"), "Unknown scheme 'imagenet'"),
        (("--strict", "--skip-bad"), "contradict each other"),
    ):
        with pytest.raises(UserError, match=sentence):
            output("import", source, "--name", "faces", *words)
