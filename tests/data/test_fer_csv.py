import gzip
import subprocess
import sys

import numpy as np
import pytest

from pipeline.data.readers import csv_rows, fer_csv
from pipeline.data.readers.pixels import PixelError, parse_pixels
from pipeline.data.store import dataset_info
from tests.data.source_makers import HEADER, WRITERS, csv_text, pixels, row, write_zip

ROWS = (row(0, pixels(1)), row(6, pixels(255), "PublicTest"), row(3, pixels(0), "PrivateTest"))
OTHER_ROWS = (
    f"0,Training,{pixels(1)}",
    f"6,PublicTest,{pixels(255)}",
    f"3,PrivateTest,{pixels(0)}",
)
QUOTED = [r.replace(",", ',"', 1).replace(",P", '",P').replace(",T", '",T') for r in ROWS]

OTHER_NUMBERS = [r.replace("6,", "4,", 1) for r in ROWS]
WORDS = ("Angry", " neutral", "HAPPINESS")
WIDE = " ".join(f"pixel_{i}" for i in range(2304))


def test_every_form_of_the_csv_gives_the_same_faces(tmp_path, imported):
    source = tmp_path / "fer.csv"
    forms = {
        "emotion,pixels,Usage": csv_text(*ROWS),
        "emotion, Usage, pixels": csv_text(*OTHER_ROWS, header="emotion, Usage, pixels"),
        "quoted pixels": csv_text(*QUOTED),
        "byte order mark": "\ufeff" + csv_text(*ROWS),
        "CRLF": csv_text(*ROWS, end="\r\n"),
        "CR": csv_text(*ROWS, end="\r"),
        "blank last lines": csv_text(*ROWS) + "\n\n",
        "no last line end": csv_text(*ROWS).rstrip("\n"),
        "spaces in cells": csv_text(*(r.replace(",", " , ") for r in ROWS)),
        "more columns": csv_text(*(f"{r},9" for r in ROWS), header=HEADER + ",x"),
    }
    forms |= {
        "capitals and spaces in the header": csv_text(*ROWS, header=" EMOTION , Pixels,usage "),
        "semicolons": csv_text(*ROWS, header=HEADER).replace(",", ";"),
        "tabs": csv_text(*ROWS).replace(",", "\t"),
        "tabs between, commas in the pixels": csv_text(*ROWS).replace(",", "\t").replace(" ", ","),
        "labels as decimals": csv_text(*(r.replace(",", ".0,", 1) for r in ROWS)),
        "labels as names": csv_text(*(f"{n}{r[1:]}" for n, r in zip(WORDS, ROWS, strict=True))),
        "pixels in brackets": csv_text(*QUOTED).replace(',"', ',"[').replace('",', ']",'),
        "pixels with commas": csv_text(*(r.replace(" ", ", ") for r in QUOTED)),
        "pixels of many lines": csv_text(*(r.replace(" ", " \n", 9) for r in QUOTED)),
        "no header": csv_text(*ROWS[1:], header=ROWS[0]),
        "an index before": csv_text(*(f"8,{r}" for r in ROWS), header="," + HEADER),
        "other names": csv_text(*ROWS, header="emotion,pixels,split"),
        "a split by what is in its column": csv_text(*ROWS, header="emotion,pixels,dataset"),
        "other numbers beside names": csv_text(
            *(f"{r},{n}" for n, r in zip(WORDS, OTHER_NUMBERS, strict=True)),
            header=f"{HEADER},label",
        ),
        "a column a pixel": csv_text(*ROWS, header=f"emotion,{WIDE},Usage").replace(" ", ","),
        "Excel's first line": "sep=;\n" + csv_text(*ROWS).replace(",", ";"),
        "UTF-16": "\ufeff" + csv_text(*ROWS),
    }
    for form, text in forms.items():
        source.write_bytes(text.encode("utf-16-le" if form == "UTF-16" else "utf-8"))
        faces = imported(source, scheme="fer2013" if form == "a column a pixel" else "")
        assert faces.labels.tolist() == [0, 6, 3], form
        assert faces.splits.tolist() == ["train", "public_test", "private_test"], form
        assert faces.ids.tolist() == ["fer0000000", "fer0000001", "fer0000002"], form
        assert [np.unique(image).tolist() for image in faces.images] == [[1], [255], [0]], form


def test_the_csv_is_found_in_folders_and_archives(tmp_path, imported):
    files = {
        "fer2013/README": b"words",
        "fer2013/cover.png": b"no face",
        "fer2013/example.csv": b"emotion\n3\n",
        "fer2013/FER2013.CSV": csv_text(*ROWS).encode(),
    }
    for packed, write in WRITERS.items():
        assert len(imported(write(tmp_path / packed, files))) == 3


def test_the_split_is_the_usage_else_that_of_the_file_else_the_given_one(tmp_path, imported):
    words = {
        "train": "train",
        "VAL": "validation",
        "Testing": "test",
        "public test": "public_test",
        "fold 3": "private_test",
    }
    rows = [row(3, pixels(1), word) for word in words]
    (tmp_path / "fer.csv").write_text(csv_text(*rows))
    faces = imported(tmp_path / "fer.csv", split_map={"fold 3": "private_test"})
    assert faces.splits.tolist() == list(words.values())

    text = csv_text("3," + pixels(), header="emotion,pixels")
    for name, split in {"fer.csv": "test", "valid_set.csv": "validation"}.items():
        (tmp_path / name).write_text(text)
        assert imported(tmp_path / name, split="test").splits.tolist() == [split], name


def test_a_column_of_splits_is_never_overlooked(tmp_path, imported, refusal):
    source, rows = tmp_path / "fer.csv", [row(3, usage=""), row(3, usage="val")]
    source.write_text(csv_text(*rows, header="emotion,pixels,source"))
    assert "has the Usage ''" in refusal(source)
    source.write_text(
        csv_text(row(3, usage="1"), row(3, usage="0"), header="emotion,pixels,is_test")
    )
    assert "has the Usage '1'" in refusal(source)
    faces = imported(source, split_map={"1": "test", "0": "train"})
    assert faces.splits.tolist() == ["test", "train"]


def test_tables_of_one_archive_are_all_read_or_listed_and_never_twice(tmp_path, imported, refusal):
    whole, labeled = csv_text(row(3), row(4)), csv_text("3," + pixels(), header="emotion,pixels")
    only_pixels = csv_text(pixels(), header="pixels")
    cases = {
        ("train.csv", "test.csv"): (labeled, labeled),
        ("fer/Training.csv", "fer/val.csv", "fer/test.csv"): (labeled,) * 3,
        ("train/faces.csv", "test/faces.csv"): (labeled, labeled),
        ("train.csv", "test.csv", "icml_face_data.csv"): (labeled, only_pixels, whole),
        ("fer2013.csv", "icml_face_data.csv"): (whole, whole),
        ("part1.csv", "part2.csv"): (whole, whole),
        ("faces.csv", "labels.csv"): (labeled, "file,emotion\na.png,3\n"),
    }
    expected = [
        {"train/fer0000000": "train", "test/fer0000000": "test"},
        {
            "fer/Training/fer0000000": "train",
            "fer/val/fer0000000": "validation",
            "fer/test/fer0000000": "test",
        },
        {"train/faces/fer0000000": "train", "test/faces/fer0000000": "test"},
        *[{"fer0000000": "train", "fer0000001": "train"}] * 2,
        {f"part{part}/fer000000{i}": "train" for part in (1, 2) for i in (0, 1)},
        {"fer0000000": "train"},
    ]
    for case, ((names, texts), splits) in enumerate(zip(cases.items(), expected, strict=True)):
        files = {name: text.encode() for name, text in zip(names, texts, strict=True)}
        for packed, write in WRITERS.items():
            faces = imported(write(tmp_path / f"{case}{packed}", files))
            found = dict(zip(faces.ids.tolist(), faces.splits.tolist(), strict=True))
            assert found == splits, (names, packed)
    files = {name: labeled.encode() for name in ("fer.csv", "ckplus.csv")}
    assert "2 tables" in refusal(write_zip(tmp_path / "two.zip", files))


def test_unknown_labels_are_refused_skipped_or_mapped_and_rows_keep_their_ids(
    tmp_path, imported, refusal
):
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(row(7), row(3), row("contempt"), row(4)))
    assert "emotion '7'" in refusal(source) and "--skip-unknown" in refusal(source)
    faces = imported(source, skip_unknown=True)
    assert faces.ids.tolist() == ["fer0000001", "fer0000003"]
    assert dataset_info("faces").skipped == 2
    faces = imported(source, class_map={"7": "disgust", "contempt": "skip"})
    assert faces.labels.tolist() == [1, 3, 4]
    assert dataset_info("faces").skipped == 1
    source.write_text(csv_text(row(7)))
    assert "all of them are skipped" in refusal(source, skip_unknown=True)


def test_numbers_mean_emotions_in_fer2013s_columns_only(tmp_path, imported, refusal):
    source = tmp_path / "faces.csv"
    for header in ("label,pixels,Usage", "class,pixels,split", f"label,{WIDE},Usage"):
        text = csv_text(row(3), header=header)
        source.write_text(text.replace(" ", ",") if WIDE in header else text)
        sentence = refusal(source)
        assert "'3'" in sentence and "--map" in sentence and "--classes" in sentence
        assert imported(source, scheme="fer2013").labels.tolist() == [3]
        assert imported(source, scheme="alphabetical").labels.tolist() == [3]
    source.write_text(csv_text(header=f"3,{pixels()}"))  # no header, and no Usage of FER-2013
    assert "'3'" in refusal(source)
    source.write_text(csv_text(row(4)))
    assert imported(source, scheme="alphabetical").labels.tolist() == [6]


def test_faces_of_another_size_are_resized_if_all_agree(tmp_path, imported, refusal):
    source = tmp_path / "faces.csv"
    for side in (16, 64, 96, 200):
        values = " ".join(["9"] * side**2)
        source.write_text(csv_text(*[row(3, values)] * 3))
        assert np.unique(imported(source).images).tolist() == [9]
        source.write_text(csv_text(row(3, values), row(3)))
        assert f"row 2 after the header, has 2,304 pixels instead of {side**2:,}" in refusal(source)
    source.write_text(csv_text(row(3, " ".join(["9"] * 48 * 48 * 3))))
    assert "row 1 after the header, has 6,912 pixels instead of 2,304" in refusal(source)


def test_a_gzipped_csv_is_read_alone_and_in_an_archive(tmp_path, imported, refusal, monkeypatch):
    packed = gzip.compress(csv_text(*ROWS).encode())
    (tmp_path / "fer.csv.gz").write_bytes(packed)
    zipped = write_zip(tmp_path / "a.zip", {"fer/fer.CSV.GZ": packed})
    for source in (tmp_path / "fer.csv.gz", zipped):
        assert imported(source).ids.tolist() == ["fer0000000", "fer0000001", "fer0000002"]
    (tmp_path / "cut.csv.gz").write_bytes(packed[:-9])
    assert "cut.csv.gz is truncated or damaged" in refusal(tmp_path / "cut.csv.gz")
    (tmp_path / "no.csv.gz").write_bytes(b"words")
    assert "no.csv.gz" in refusal(tmp_path / "no.csv.gz")
    monkeypatch.setattr(csv_rows, "MAX_UNPACKED_BYTES", 1000)
    assert "unpacks to more than" in refusal(zipped)


def test_rows_are_counted_across_blocks_and_progress_rises(
    tmp_path, imported, refusal, monkeypatch
):
    monkeypatch.setattr(fer_csv, "_BATCH_PIXELS", 3 * 2304)
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(*[row()] * 20, row("x")))
    assert "row 21 after" in refusal(source)
    source.write_text(csv_text(*[row()] * 20, "3,7"))
    assert "row 21 after the header, has 2 columns instead of 3" in refusal(source)
    source.write_text(csv_text(*[row()] * 5, row(3, "7 " * 40000)))  # longer than a block
    assert "fer.csv" in refusal(source)

    packed = write_zip(tmp_path / "a.zip", {"fer.csv": csv_text(*[row()] * 20).encode()})
    fractions: list[float] = []
    assert imported(packed, on_progress=fractions.append).ids[-1] == "fer0000019"
    assert len(fractions) > 3 and fractions == sorted(fractions) and 0.9 < fractions[-1] <= 1


def test_a_wrong_row_is_refused_by_file_and_row(tmp_path, refusal):
    source = tmp_path / "fer.csv"
    wrong = {
        "2,305 pixels instead of 2,304": row(3, pixels() + " 7"),
        "3 pixels instead of 2,304": row(3, "7 7 7"),
        "0 pixels": row(3, ""),
        "pixel '256'": row(3, pixels()[:-1] + "256"),
        "pixel '-1'": row(3, pixels()[:-1] + "-1"),
        "pixel '7.0'": row(3, pixels()[:-1] + "7.0"),
        "pixel 'nan'": row(3, pixels()[:-1] + "nan"),
        "has the pixel": row(3, pixels()[:-1] + "\u0667"),
        "pixel '999": row(3, pixels()[:-1] + "9" * 5000),
        "emotion '7'": row(7),
        "emotion '-1'": row(-1),
        "emotion 'x'": row("x"),
        "emotion ''": row(""),
        "emotion '999": row("9" * 5000),
        "Usage 'x'": row(usage="x"),
        "Usage ''": row(usage=""),
        "2 columns instead of 3": "3,7",
        "4 columns instead of 3": row() + ",9",
        "columns instead of 3": '3,"7 7',
    }
    for reason, bad in wrong.items():
        source.write_text(csv_text(row(), "", row(), bad, row()), encoding="utf-8")
        sentence = refusal(source)
        assert "fer.csv, row 3 after the header, " in sentence and reason in sentence, sentence
    for bad in (b"\xff\xfe,1,Training\n", b"\xff\xfe\n"):
        source.write_bytes(csv_text(row(), row()).encode() + bad)
        assert "row 3 after" in refusal(source)


def test_rows_whose_pixels_are_no_image_are_skipped_if_any_number_may_be(
    tmp_path, imported, refusal
):
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(row(1), row(2, "7 7 7"), row(3), row(4, pixels()[:-1] + "256")))
    assert "or skip such rows with --skip-bad" in refusal(source)
    faces = imported(source, bad_files="any")
    assert faces.ids.tolist() == ["fer0000000", "fer0000002"] and faces.labels.tolist() == [1, 3]
    assert dataset_info("faces").skipped == 2
    source.write_text(csv_text(row(1, "7")))
    assert "all of them are skipped" in refusal(source, bad_files="any")


@pytest.mark.slow
def test_a_wrong_row_of_a_packed_csv_ends_every_import_in_its_sentence(tmp_path):
    """In processes of their own: a reader that outlived the file ended some of them by SIGABRT."""
    rng = np.random.default_rng(0)
    rows = [row(3, " ".join(map(str, rng.integers(0, 256, 2304)))) for _ in range(1500)]
    packed = write_zip(tmp_path / "a.zip", {"fer.csv": csv_text(*rows, row(9)).encode()})
    command = [sys.executable, "-m", "pipeline", "import", str(packed), "--name", "faces"]
    for _ in range(4):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1 and "row 1501 after the header, has the emotion" in done.stderr


def test_an_empty_cut_or_other_csv_is_refused(tmp_path, refusal):
    source = tmp_path / "fer.csv"
    cases = {
        b"": "is empty",
        b"\n\n": "no column",
        csv_text().encode(): "no rows",
        HEADER.encode(): "fer.csv",
        b"\x00\x01\x02" * 999: "no column",
        csv_text(row()).encode()[:-60]: "row 1 after",
        csv_text(row()).encode()[:-3]: "row 1 after",
    }
    for column in ("emotion", "pixels"):
        other = csv_text(row(), header=HEADER.replace(column, "other"))
        cases[other.encode()] = f"fer.csv has no column '{column}'"
    for content, reason in cases.items():
        source.write_bytes(content)
        assert reason in refusal(source)


def random_rows(count: int) -> tuple[list[str], np.ndarray]:
    values = np.random.default_rng(1).integers(0, 256, (count, 2304), dtype=np.uint8)
    return [" ".join(map(str, image)) for image in values], values.reshape(-1, 48, 48)


def test_pixels_are_parsed_however_they_are_written():
    for count in (0, 1, 15, 16, 17, 40):
        rows, expected = random_rows(count)
        parsed = parse_pixels(rows)
        assert parsed.dtype == np.uint8 and parsed.shape == (count, 48, 48)
        np.testing.assert_array_equal(parsed, expected)

    rows, expected = random_rows(20)
    text = rows[17]
    for written in (
        f"  {text}  ",
        text.replace(" ", "  "),
        text.replace(" ", "\t"),
        "000" + text,
        "0" * 5000 + text,
    ):
        np.testing.assert_array_equal(parse_pixels([*rows[:17], written, *rows[18:]]), expected)


def test_wrong_pixels_are_found_in_their_row():
    rows, _ = random_rows(20)
    for place in (0, 7, 15, 16, 19):
        for bad in ("", " ", "7", pixels() + " 7", "300" + pixels()[1:], "é", "-7"):
            with pytest.raises(PixelError) as caught:
                parse_pixels([*rows[:place], bad, *rows[place + 1 :]])
            assert caught.value.row == place, bad
    for word in ("256", "999", "1000", "0256", "1e2", "+7", "7.", "-0", "²"):
        with pytest.raises(PixelError, match="not a number from 0 to 255"):
            parse_pixels([f"{word} {pixels()[2:]}"])
    with pytest.raises(PixelError, match="2,303 pixels"):  # a pixel moved to the next row
        parse_pixels([pixels()[2:], pixels() + " 7"])


def test_a_record_whose_quotes_do_not_end_is_not_the_whole_file(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(csv_rows, "_MAX_LINE", 400)
    source = tmp_path / "faces.csv"
    source.write_text('emotion,pixels,Usage\n"' + '\n","' * 10_000)
    assert "row 1 after the header, has 101 columns instead of 3" in refusal(source)
