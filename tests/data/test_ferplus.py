import pytest

from pipeline.data.dataset import VOTES
from pipeline.data.importing import import_dataset
from tests.data.source_makers import csv_text, picture, row, write_folder, write_tar

HEADER = ",".join(["Usage", "Image name", *VOTES])
USAGES = ("Training", "PublicTest", "PrivateTest")


def votes_row(usage: str, first: object = 0) -> str:
    return f"{usage},fer.png,{first},1,2,3,4,5,6,7,8,9"


ROWS = [votes_row(usage, first) for first, usage in enumerate(USAGES)]


@pytest.fixture
def source(tmp_path):
    files = {"fer2013/fer2013.csv": csv_text(*(row(usage=usage) for usage in USAGES)).encode()}
    return write_tar(tmp_path / "fer.tar.gz", files)


@pytest.fixture
def votes_file(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "votes.csv"
        path.write_text("\n".join([header, *rows, ""]))
        return path

    return write


def test_votes_join_by_row_order(source, votes_file, imported):
    faces = imported(source, ferplus=votes_file(*ROWS))
    assert faces.votes.tolist() == [[first, *range(1, 10)] for first in range(3)]


def test_rows_beyond_the_end_of_the_csv_are_passed_over(source, votes_file, imported):
    faces = imported(source, ferplus=votes_file(*ROWS, votes_row("Nonsense", "x")))
    assert len(faces.votes) == 3


def test_votes_are_no_part_of_the_fingerprint(source, votes_file):
    plain = import_dataset(source, "plain")
    voted = import_dataset(source, "voted", ferplus=votes_file(*ROWS))
    assert plain.fingerprint == voted.fingerprint
    assert voted.ferplus and not plain.ferplus


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param(ROWS[:2], "has 2 rows for 3 faces", id="shorter"),
        pytest.param([], "has 0 rows", id="only a header"),
        pytest.param([ROWS[0], ROWS[2], ROWS[1]], "row 2 after the header, is of 'P", id="order"),
        pytest.param([*ROWS[:2], votes_row("x")], "row 3 after the header, is of 'x'", id="Usage"),
        pytest.param([*ROWS[:2], votes_row("")], "row 3 after the header, is of ''", id="no Usage"),
        pytest.param([ROWS[0], votes_row(USAGES[1], "x"), ROWS[2]], "row 2 after", id="no number"),
        pytest.param([ROWS[0], votes_row(USAGES[1], ""), ROWS[2]], "row 2 after", id="no vote"),
        pytest.param([ROWS[0], votes_row(USAGES[1], -1), ROWS[2]], "row 2 after", id="negative"),
        pytest.param([ROWS[0], votes_row(USAGES[1], 256), ROWS[2]], "row 2 after", id="too many"),
        pytest.param([ROWS[0], votes_row(USAGES[1], 0.5), ROWS[2]], "row 2 after", id="a half"),
        pytest.param([*ROWS, ROWS[0] + ",7"], "cannot be read", id="too many columns"),
    ],
)
def test_votes_that_do_not_fit_are_refused(rows, says, source, votes_file, refusal):
    sentence = refusal(source, ferplus=votes_file(*rows))
    assert "votes.csv" in sentence and says in sentence


@pytest.mark.parametrize("column", ["Usage", "neutral", "NF"])
def test_a_missing_column_is_named(column, source, votes_file, refusal):
    header = HEADER.replace(column, "other")
    assert f"no column '{column}'" in refusal(source, ferplus=votes_file(*ROWS, header=header))


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"], ids=["none", "empty", "no text"])
def test_a_file_that_is_no_table_is_refused(content, source, tmp_path, refusal):
    path = tmp_path / "votes.csv"
    if content is not None:
        path.write_bytes(content)
    assert "votes.csv cannot be read as FER+ votes" in refusal(source, ferplus=path)


def test_votes_join_a_csv_only(votes_file, tmp_path, refusal):
    source = write_folder(tmp_path / "a", {"happy/a.png": picture()})
    assert "FER-2013 CSV only" in refusal(source, ferplus=votes_file(*ROWS))
