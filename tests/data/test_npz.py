import pickle
import zipfile

import numpy as np
import pytest

from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.data.importing import survey_source
from pipeline.data.readers import npz
from pipeline.labels import EMOTIONS
from tests.data.source_makers import WRITERS

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 48, 48), dtype=np.uint8)
LABELS = np.array([3, 0, 6, 1, 1, 5])
WORDS = np.array([EMOTIONS[label] for label in LABELS])
COLORS = np.repeat(IMAGES[..., np.newaxis], 3, axis=3)


@pytest.fixture
def source(tmp_path):
    """Write arrays to a file."""

    def write(compressed=False, **arrays):
        path = tmp_path / "faces.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        return path

    return write


def test_images_of_every_layout_and_range_give_the_same_faces(source, imported, monkeypatch):
    forms = {
        "(n, h, w)": IMAGES,
        "(n, h, w, 1)": IMAGES[..., np.newaxis],
        "(n, h, w, 3)": COLORS,
        "(n, 1, h, w)": IMAGES[:, np.newaxis],
        "(n, 3, h, w)": COLORS.transpose(0, 3, 1, 2),
        "flat": IMAGES.reshape(6, -1),
        "in columns": np.asfortranarray(IMAGES),
        "int64": IMAGES.astype(int),
        "shares": (IMAGES / 255).astype(np.float32),
        "gray levels as decimals": IMAGES.astype(np.float64),
    }
    for values in (npz._BATCH_VALUES, 4 * 48 * 48):
        monkeypatch.setattr(npz, "_BATCH_VALUES", values)
        for form, images in forms.items():
            faces = imported(source(form == "flat", images=images, labels=WORDS))
            np.testing.assert_array_equal(faces.images, IMAGES, form)
            assert faces.labels.tolist() == LABELS.tolist(), form
            assert faces.ids[[0, 5]].tolist() == ["images/0000000", "images/0000005"]


def test_an_array_may_name_the_split_of_each_image(source, imported, refusal):
    splits = np.array(["train", "train", "test", "val", "test", "train"])
    faces = imported(source(images=IMAGES, labels=WORDS, Split=splits))
    assert faces.splits.tolist() == [*splits[:3], "validation", *splits[4:]]
    assert "one split an image" in refusal(source(images=IMAGES, labels=WORDS, split=splits[:5]))


def test_labels_may_be_numbers_names_or_one_hot(source, imported, refusal):
    forms = {
        "numbers": LABELS.astype(np.int32),
        "decimals": LABELS.astype(np.float32),
        "a column": LABELS[:, np.newaxis],
        "one-hot": np.eye(7, dtype=np.float32)[LABELS],
    }
    for form, labels in forms.items():
        file = source(images=IMAGES, labels=labels)
        assert "has the emotion '3'" in refusal(file), form
        assert imported(file, scheme="fer2013").labels.tolist() == LABELS.tolist(), form
    assert imported(source(images=IMAGES, labels=WORDS.astype("S"))).labels[0] == 3
    assert "not one-hot" in refusal(source(images=IMAGES, labels=np.full((6, 7), 1 / 7)))
    file = source(images=IMAGES, labels=["contempt", *WORDS[1:]])
    assert len(imported(file, skip_unknown=True)) == 5


def test_the_names_of_the_arrays_are_their_splits(source, imported):
    pairs = {
        ("x_train", "y_train", "x_test", "y_test"): ("train", "test"),
        ("X_train", "Y_train", "X_val", "Y_val"): ("train", "validation"),
        ("train_images", "train_labels", "test_images", "test_labels"): ("train", "test"),
        ("trainX", "trainy", "testX", "testy"): ("train", "test"),
        ("data", "target", "data_test", "target_test"): ("public_test", "test"),
    }
    for names, splits in pairs.items():
        arrays = dict(zip(names, (IMAGES, WORDS, IMAGES[:2], WORDS[:2]), strict=True))
        faces = imported(source(**arrays), split="public_test")
        assert faces.splits.tolist() == [splits[0]] * 6 + [splits[1]] * 2, names
        assert len(set(faces.ids.tolist())) == 8
    survey = survey_source(source(x_train=IMAGES, y_train=LABELS))
    assert survey.splits["train"].meaning == "train"
    assert survey.classes["3"].meaning is None
    assert imported(source(arr_0=IMAGES, arr_1=WORDS)).labels.tolist() == LABELS.tolist()


def test_arrays_without_labels_are_listed(source):
    report = ImportReport()
    file = source(x_train=IMAGES, y_train=WORDS, x_test=IMAGES)
    faces = [len(batch.labels) for batch in npz.read(file, ImportOptions(), report)]
    assert faces == [6] and report.tables == ["faces.npz: x_test.npy"]


def test_arrays_that_are_no_labeled_faces_are_refused(source, refusal):
    cases = {
        "from -1 to 1": (IMAGES / 127.5 - 1, LABELS),
        "from 0 to 2.55": (IMAGES / 100, LABELS),
        "from nan to nan": (np.where(IMAGES > 200, np.nan, IMAGES / 255), LABELS),
        "from 0 to 510": (IMAGES.astype(int) * 2, LABELS),
        "from 0 to 1": ((IMAGES / 255).astype(np.uint8), LABELS),
        "6 images, labels 5": (IMAGES, LABELS[:5]),
        "0 images": (IMAGES[:0], LABELS[:0]),
        "images is <U1": (np.array(["a"]), LABELS),
        "of shape (6, 7, 9)": (IMAGES[:, :7, :9], LABELS),
        "labels is int64 of shape (6, 3, 3)": (IMAGES, np.zeros((6, 3, 3), int)),
    }
    for reason, (images, labels) in cases.items():
        assert reason in refusal(source(images=images, labels=labels))
    for names in ("abc", ("images", "b", "c"), ("x_train", "y_test", "b")):
        arrays = dict(zip(names, (IMAGES, LABELS, LABELS), strict=True))
        assert "name them 'images' and 'labels'" in refusal(source(**arrays))


def test_nothing_is_unpickled(source, refusal, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "evil"), "w"))

    for arrays in (
        {"images": IMAGES, "labels": np.array([Evil()] * 6)},
        {"images": np.array([Evil()] * 6), "labels": LABELS},
    ):
        assert "holds Python objects" in refusal(source(**arrays))
    with zipfile.ZipFile(tmp_path / "faces.npz", "w") as file:
        for name in ("images", "labels"):
            file.writestr(name, pickle.dumps(Evil()))
    assert "'images' is no array" in refusal(tmp_path / "faces.npz")
    assert not (tmp_path / "evil").exists()


def test_arrays_that_would_fill_the_memory_are_refused(source, refusal, monkeypatch, tmp_path):
    long = np.array(["happy".ljust(1025)] * 6)
    assert "labels is <U1025: such long labels" in refusal(source(images=IMAGES, labels=long))
    monkeypatch.setattr(npz, "_MAX_FORTRAN_BYTES", IMAGES.nbytes - 1)
    columns = np.asfortranarray(IMAGES)
    assert "save what np.ascontiguousarray" in refusal(source(images=columns, labels=LABELS))
    with (
        zipfile.ZipFile(source(images=IMAGES, labels=LABELS)) as whole,
        zipfile.ZipFile(tmp_path / "lzma.npz", "w", zipfile.ZIP_LZMA) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert "is packed by LZMA" in refusal(tmp_path / "lzma.npz")


def test_a_damaged_or_lying_file_is_refused(source, refusal, monkeypatch, tmp_path):
    file = source(images=IMAGES, labels=WORDS)
    whole = file.read_bytes()
    for content in (b"words", whole[:-50], whole[: len(whole) // 2]):
        file.write_bytes(content)
        assert "faces.npz is truncated or damaged" in refusal(file)
    header = b"'shape': (6, 48, 48)"
    for wrong in (b"'shape': (9999999, )", b"'shape': ((((((((((", b"'sh\\pe: (6, 48, 48)"):
        file.write_bytes(whole.replace(header, wrong))
        assert "faces.npz" in refusal(file)
    file.write_bytes(whole.replace(b"images.npy\x01", b"imag\x00\xff\xff.npy\x01"))
    assert "faces.npz" in refusal(file)
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 1000)
    file.write_bytes(whole)
    assert "unpacks to more than" in refusal(file)


def test_files_in_folders_and_archives_have_unique_ids(source, imported, tmp_path):
    content = source(images=IMAGES, labels=WORDS).read_bytes()
    for packed, write in WRITERS.items():
        files = {"fer/train.npz": content, "fer/test.npz": content, "README": b"words"}
        faces = imported(write(tmp_path / packed, files))
        assert sorted(faces.splits.tolist()) == ["test"] * 6 + ["train"] * 6
        assert len(set(faces.ids.tolist())) == 12 and "fer/test/images/0000000" in faces.ids
