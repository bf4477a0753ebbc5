import numpy as np
import pytest

from pipeline.data.readers import fer_csv
from tests.data.source_makers import HEADER, WRITERS, csv_text, pixels, row, write_zip

OTHER_HEADER = "emotion, Usage, pixels"
ROWS = (row(0, pixels(1)), row(6, pixels(255), "PublicTest"), row(3, pixels(0), "PrivateTest"))
OTHER_ROWS = (
    f"0,Training,{pixels(1)}",
    f"6,PublicTest,{pixels(255)}",
    f"3,PrivateTest,{pixels(0)}",
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(csv_text(*ROWS), id="emotion,pixels,Usage"),
        pytest.param(csv_text(*OTHER_ROWS, header=OTHER_HEADER), id="emotion, Usage, pixels"),
        pytest.param(csv_text(*(r.replace(",", ',"', 1).replace(",P", '",P').replace(",T", '",T')
                                for r in ROWS)), id="quoted pixels"),
        pytest.param("\ufeff" + csv_text(*ROWS), id="byte order mark"),
        pytest.param(csv_text(*ROWS, end="\r\n"), id="CRLF"),
        pytest.param(csv_text(*ROWS, end="\r"), id="CR"),
        pytest.param(csv_text(*ROWS) + "\n\n", id="blank last lines"),
        pytest.param(csv_text(*ROWS).rstrip("\n"), id="no last line end"),
        pytest.param(csv_text(*(r.replace(",", " , ") for r in ROWS)), id="spaces in cells"),
        pytest.param(csv_text(*(f"{r},9" for r in ROWS), header=HEADER + ",x"), id="more columns"),
    ],
)  # fmt: skip
def test_both_forms_of_the_csv_give_the_same_faces(text, tmp_path, imported):
    source = tmp_path / "fer.csv"
    source.write_bytes(text.encode())
    faces = imported(source)
    assert faces.labels.tolist() == [0, 6, 3]
    assert faces.splits.tolist() == ["train", "public_test", "private_test"]
    assert faces.ids.tolist() == ["fer0000000", "fer0000001", "fer0000002"]
    assert [np.unique(image).tolist() for image in faces.images] == [[1], [255], [0]]


@pytest.mark.parametrize("packed", WRITERS)
def test_the_csv_is_found_inside(packed, tmp_path, imported):
    files = {
        "fer2013/README": b"words",
        "fer2013/cover.png": b"no face",
        "fer2013/example.csv": b"emotion\n3\n",
        "fer2013/FER2013.CSV": csv_text(*ROWS).encode(),
    }
    assert len(imported(WRITERS[packed](tmp_path / packed, files))) == 3


def test_rows_are_counted_across_blocks(tmp_path, imported, refusal, monkeypatch):
    monkeypatch.setattr(fer_csv, "_BLOCK_BYTES", 3 * len(row()))
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(*[row()] * 20, row("x")))
    assert "row 21 after" in refusal(source)
    source.write_text(csv_text(*[row()] * 20, "3,7"))
    assert "row 21 after the header, has 2 columns instead of 3" in refusal(source)
    source.write_text(csv_text(*[row()] * 20))
    assert imported(source).ids[-1] == "fer0000019"


def test_progress_rises_to_its_end(tmp_path, imported, monkeypatch):
    monkeypatch.setattr(fer_csv, "_BLOCK_BYTES", 3 * len(row()))
    source = write_zip(tmp_path / "a.zip", {"fer.csv": csv_text(*[row()] * 20).encode()})
    seen: list[float] = []
    imported(source, on_progress=seen.append)
    assert len(seen) > 3 and seen == sorted(seen) and 0.9 < seen[-1] <= 1


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param(row(3, pixels() + " 7"), "2,305 pixels instead of 2,304", id="too many"),
        pytest.param(row(3, "7 7 7"), "3 pixels instead of 2,304", id="too few"),
        pytest.param(row(3, ""), "0 pixels", id="no pixels"),
        pytest.param(row(3, pixels()[:-1] + "256"), "pixel '256'", id="above 255"),
        pytest.param(row(3, pixels()[:-1] + "-1"), "pixel '-1'", id="negative"),
        pytest.param(row(3, pixels()[:-1] + "7.0"), "pixel '7.0'", id="no whole number"),
        pytest.param(row(3, pixels()[:-1] + "nan"), "pixel 'nan'", id="no number"),
        pytest.param(row(3, pixels()[:-1] + "\u0667"), "pixel", id="digit of another script"),
        pytest.param(row(3, pixels()[:-1] + "9" * 5000), "pixel '999", id="endless digits"),
        pytest.param(row(7), "emotion '7'", id="label above 6"),
        pytest.param(row(-1), "emotion '-1'", id="label below 0"),
        pytest.param(row("x"), "emotion 'x'", id="label no number"),
        pytest.param(row(""), "emotion ''", id="no label"),
        pytest.param(row("9" * 5000), "emotion '999", id="endless label"),
        pytest.param(row(usage="Test"), "Usage 'Test'", id="unknown Usage"),
        pytest.param(row(usage=""), "Usage ''", id="no Usage"),
        pytest.param("3,7", "2 columns instead of 3", id="too few columns"),
        pytest.param(row() + ",9", "4 columns instead of 3", id="too many columns"),
        pytest.param('3,"7 7', "columns instead of 3", id="a quote that never ends"),
    ],
)
def test_a_wrong_row_is_refused_by_file_and_row(bad, says, tmp_path, refusal):
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(row(), "", row(), bad, row()), encoding="utf-8")
    sentence = refusal(source)
    assert "fer.csv, row 3 after the header, " in sentence and says in sentence


def test_bytes_that_are_no_text_are_refused_by_row(tmp_path, refusal):
    source = tmp_path / "fer.csv"
    source.write_bytes(csv_text(row(), row()).encode() + b"\xff\xfe,1,Training\n")
    assert "row 3 after" in refusal(source)
    source.write_bytes(csv_text(row(), row()).encode() + b"\xff\xfe\n")
    assert "row 3 after" in refusal(source)


@pytest.mark.parametrize("column", ["emotion", "pixels", "Usage"])
def test_a_missing_column_is_named(column, tmp_path, refusal):
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(row(), header=HEADER.replace(column, "other")))
    assert f"fer.csv has no column '{column}'" in refusal(source)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is empty", id="no byte"),
        pytest.param(b"\n\n", "no column", id="blank lines"),
        pytest.param(csv_text().encode(), "no rows", id="only a header"),
        pytest.param(HEADER.encode(), "fer.csv", id="a header without an end"),
        pytest.param(b"\x00\x01\x02" * 999, "no column", id="no text"),
        pytest.param(csv_text(row()).encode()[:-60], "row 1 after", id="cut in the pixels"),
        pytest.param(csv_text(row()).encode()[:-4], "row 1 after", id="cut in the Usage"),
    ],
)
def test_an_empty_or_cut_csv_is_refused(content, says, tmp_path, refusal):
    source = tmp_path / "fer.csv"
    source.write_bytes(content)
    assert says in refusal(source)


def test_a_row_longer_than_a_block_is_refused(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(fer_csv, "_BLOCK_BYTES", len(row()) * 2)
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(*[row()] * 5, row(3, "7 " * 40000)))
    assert "fer.csv" in refusal(source)
