import contextlib
import json
import zipfile

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from pipeline.data.import_options import NoFace
from pipeline.data.importing import survey_source
from pipeline.data.readers.parquet import encoded_images
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from tests.data.source_makers import WRITERS, image_file, pixels

ALPHABETICAL = sorted(EMOTIONS)
LABELS = [3, 0, 6]
NAMES = [EMOTIONS[label] for label in LABELS]
NUMBERS = [ALPHABETICAL.index(name) for name in NAMES]
FILES = [image_file(value) for value in (1, 255, 9)]
STRUCTS = [{"bytes": content, "path": "a.png"} for content in FILES]


def file_of(path, metadata=None, **columns):
    """Write columns as a Parquet file; return its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    parquet.write_table(table.replace_schema_metadata(metadata) if metadata else table, path)
    return path.read_bytes()


def hub(names):
    """The hub's metadata of a class label."""
    label = {"names": names, "_type": "ClassLabel"}
    info = {"info": {"features": {"image": {"_type": "Image"}, "label": label}}}
    return {b"huggingface": json.dumps(info).encode()}


def test_shards_of_the_hub_are_read_with_their_splits_and_class_names(tmp_path, imported):
    content = file_of(tmp_path / "a.parquet", hub(ALPHABETICAL), image=STRUCTS, label=NUMBERS)
    shards = {
        "data/test-00000-of-00001.parquet": "test",
        "data/train-00000-of-00002.parquet": "train",
        "data/train-00001-of-00002-0f3b2c.parquet": "train",
        "default/validation/0000.parquet": "validation",
    }
    for packed, write in WRITERS.items():
        source = write(tmp_path / packed, dict.fromkeys(shards, content))
        faces = imported(source)
        expected = [
            (f"{name.removesuffix('.parquet')}/{row:07d}", split, label)
            for name, split in shards.items()
            for row, label in enumerate(LABELS)
        ]
        found = zip(faces.ids.tolist(), faces.splits.tolist(), faces.labels.tolist(), strict=True)
        assert sorted(found) == sorted(expected), packed
        survey = survey_source(source)
        assert {name: each.meaning for name, each in survey.classes.items()} == {
            name: name for name in NAMES
        }


def test_columns_of_words_are_found_beside_others(tmp_path, imported):
    content = {"image": STRUCTS, "label": NUMBERS, "emotion_name": NAMES}
    file_of(
        tmp_path / "a.parquet", **content, source=["a", "b", "c"], fold=["train", "val", "test"]
    )
    faces = imported(tmp_path / "a.parquet", scheme="fer2013")
    assert faces.labels.tolist() == LABELS
    assert faces.splits.tolist() == ["train", "validation", "test"]


def test_images_may_be_files_arrays_or_text(tmp_path, imported):
    values = (1, 255, 9)
    arrays = [np.full((48, 48), value, np.uint8) for value in values]
    columns = {
        "struct": {"image": STRUCTS},
        "bytes": {"jpg": FILES},
        "bytes of another name": {"content": FILES},
        "nested lists": {"image": [array.tolist() for array in arrays]},
        "flat list": {"img": [array.ravel().tolist() for array in arrays]},
        "colors": {"image": [np.stack([array] * 3, -1).tolist() for array in arrays]},
        "shares": {"image": [(array / 255).tolist() for array in arrays]},
        "text": {"pixels": [pixels(value) for value in values]},
    }
    source = tmp_path / "a.parquet"
    for case, images in columns.items():
        file_of(source, label=NAMES, split=["Training", "val", "test"], **images)
        faces = imported(source)
        assert faces.splits.tolist() == ["train", "validation", "test"], case
        assert [np.unique(image).tolist() for image in faces.images] == [[v] for v in values], case
        assert faces.labels.tolist() == LABELS, case


def test_numbers_without_names_are_never_guessed(tmp_path, imported, refusal):
    source = tmp_path / "a.parquet"
    for metadata in (None, hub([str(number) for number in range(7)])):
        file_of(source, metadata, image=STRUCTS, label=NUMBERS)
        assert "has the emotion '3'" in refusal(source)
        assert survey_source(source).classes["3"].meaning is None
        assert imported(source, scheme="alphabetical", split="test").labels.tolist() == LABELS
    file_of(source, hub(["happy", "contempt"]), image=STRUCTS, label=[0, 1, 0])
    assert "has the emotion 'contempt'" in refusal(source)
    assert len(imported(source, skip_unknown=True)) == 2
    fer = {"emotion": LABELS, "pixels": [pixels()] * 3, "Usage": ["PublicTest"] * 3}
    file_of(source, **fer)
    assert imported(source).labels.tolist() == LABELS


def test_bad_images_are_listed_and_photos_cropped(tmp_path, imported, refusal):
    source = tmp_path / "a.parquet"
    few = [*STRUCTS * 10, {"bytes": b"words", "path": "b.png"}]
    file_of(source, image=few, label=["happy"] * 31)
    assert len(imported(source)) == 30
    assert "row 31' is not an image" in refusal(source, bad_files="none")
    file_of(source, image=[{"bytes": None, "path": "a.png"}, *STRUCTS], label=["happy"] * 4)
    assert "is not in the file" in refusal(source)
    assert len(imported(source, bad_files="any")) == 3

    def crop(gray):
        if gray[0, 0] == 255:
            raise NoFace("holds no face")
        return gray // 3

    faces = imported(source, bad_files="any", crop=crop)
    assert [image[0, 0] for image in faces.images] == [0, 3]
    spread = [name for name, _ in encoded_images(source, 2)]
    assert spread == ["a.parquet, row 3"]  # row 1 has no content


def test_what_is_no_table_of_faces_is_refused(tmp_path, refusal):
    source = tmp_path / "a.parquet"
    whole = file_of(source, image=STRUCTS, label=NAMES)
    for content in (b"", b"words", whole[:-9], whole[:99] + whole[-99:], b"PAR1" + bytes(99)):
        source.write_bytes(content)
        assert "a.parquet" in refusal(source)
    for columns, reason in (
        ({"text": ["a"], "label": ["happy"]}, "has no column 'image': it has 'text', 'label'"),
        ({"image": STRUCTS}, "has no column 'label'"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}, "has no rows"),
        ({"image": [[[300]]], "label": ["happy"]}, "has values from 300 to 300"),
        ({"image": [[[0.5, 4.0]]], "label": ["happy"]}, "has values from 0.5 to 4"),
    ):
        file_of(source, **columns)
        assert reason in refusal(source)


def test_a_wrong_byte_anywhere_gives_one_sentence_or_the_faces(tmp_path, imported):
    whole = file_of(tmp_path / "a.parquet", hub(NAMES), image=STRUCTS, label=[0, 1, 2])
    source = tmp_path / "b.parquet"
    for place in range(0, len(whole), 131):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        source.write_bytes(bytes(damaged))
        with contextlib.suppress(UserError):
            imported(source, bad_files="any")


def test_a_parquet_file_beside_lists_and_texts_is_the_data_set(tmp_path, imported):
    content = file_of(tmp_path / "a.parquet", image=STRUCTS, label=NAMES)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("README.md", "labels.csv", "train.parquet"):
            archive.writestr(name, content if name.endswith("t") else "file,emotion\n")
    assert imported(tmp_path / "a.zip").ids[0] == "train/0000000"


def test_a_value_that_repeats_does_not_fill_the_memory(tmp_path, monkeypatch):
    """As with 64 MB a batch, 4 MB an image and a limit of 200 MB, but an eighth of each."""
    monkeypatch.setattr("pipeline.data.readers.parquet._BATCH_BYTES", 8 * 1024**2)
    value, rows = bytes(500_000), 100
    images = pa.DictionaryArray.from_arrays(pa.array([0] * rows), pa.array([value], pa.binary()))
    table = pa.table({"image": images, "label": ["happy"] * rows})
    source = tmp_path / "repeated.parquet"
    parquet.write_table(
        table, source, store_schema=False, dictionary_pagesize_limit=10_000_000, compression="zstd"
    )
    assert source.stat().st_size < 100_000

    before, read = pa.total_allocated_bytes(), 0
    for _place, content in encoded_images(source, rows):
        read += content == value
        assert pa.total_allocated_bytes() - before < 25_000_000
    assert read == rows
