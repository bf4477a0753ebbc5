import numpy as np
import pytest

from pipeline.data.dataset import VOTES
from pipeline.data.importing import import_dataset
from pipeline.labels import EMOTIONS, label_of
from tests.data.source_makers import (
    csv_text,
    image_file,
    pixels,
    row,
    write_folder,
    write_tar,
    write_zip,
)

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


def test_votes_join_by_row_order_and_further_rows_are_ignored(source, votes_file, imported):
    faces = imported(source, ferplus=votes_file(*ROWS, votes_row("Nonsense", "x")))
    assert faces.votes.tolist() == [[first, *range(1, 10)] for first in range(3)]


def test_votes_are_not_part_of_the_fingerprint(source, votes_file):
    plain = import_dataset(source, "plain")
    voted = import_dataset(source, "voted", ferplus=votes_file(*ROWS))
    assert plain.fingerprint == voted.fingerprint
    assert voted.ferplus and not plain.ferplus


def test_votes_that_do_not_fit_are_refused(source, votes_file, refusal, tmp_path):
    cases = [
        (ROWS[:2], "has 2 rows for 3 faces"),
        ([], "has 0 rows"),
        ([ROWS[0], ROWS[2], ROWS[1]], "row 2 after the header, has the Usage 'P"),
        ([*ROWS[:2], votes_row("x")], "row 3 after the header, has the Usage 'x'"),
        ([*ROWS[:2], votes_row("")], "row 3 after the header, has the Usage ''"),
        *(
            ([ROWS[0], votes_row(USAGES[1], vote), ROWS[2]], "row 2 after")
            for vote in ("x", "", -1, 256, 0.5)
        ),
        ([*ROWS, ROWS[0] + ",7"], "cannot be read"),
    ]
    for rows, reason in cases:
        sentence = refusal(source, ferplus=votes_file(*rows))
        assert "votes.csv" in sentence and reason in sentence, sentence
    for column in ("Usage", "neutral", "NF"):
        file = votes_file(*ROWS, header=HEADER.replace(column, "other"))
        assert f"no column '{column}'" in refusal(source, ferplus=file)
    folder = write_folder(tmp_path / "a", {"happy/a.png": image_file()})
    assert "FER-2013 CSV only" in refusal(folder, ferplus=votes_file(*ROWS))


def test_votes_on_other_faces_are_refused_unless_forced(tmp_path, votes_file, refusal, imported):
    rng = np.random.default_rng(0)
    labels = rng.choice(7, 300, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17])
    agrees = rng.random(300) < 0.6
    majority = np.where(
        agrees, labels, rng.choice(7, 300, p=[0.1, 0, 0.02, 0.26, 0.13, 0.12, 0.37])
    )
    rows = [votes_of(EMOTIONS[label]) for label in majority]
    orders = {
        "as it is": np.arange(300),
        "the first 60": np.arange(60),
        "shuffled": rng.permutation(300),
        "backwards": np.arange(300)[::-1],
        "one row missing": np.delete(np.arange(300), 100),
        "one row twice": np.insert(np.arange(299), 100, 100),
        "shifted": np.arange(1, 300),
        "every second": np.arange(0, 300, 2),
    }
    source = tmp_path / "fer.csv"
    for order, faces in orders.items():
        source.write_text(csv_text(*(row(labels[face]) for face in faces)))
        if order in ("as it is", "the first 60"):
            assert len(imported(source, ferplus=votes_file(*rows))) == len(faces), order
            continue
        sentence = refusal(source, ferplus=votes_file(*rows))
        assert "votes.csv is on other faces" in sentence, order
        assert sentence.count("%") == 4 and "--force-votes" in sentence
    info = import_dataset(source, "forced", ferplus=votes_file(*rows), force_votes=True)
    assert info.ferplus


def votes_of(emotion: str) -> str:
    counts = ["8" if label_of(column) == EMOTIONS.index(emotion) else "0" for column in VOTES]
    return ",".join(["Training", "fer.png", *counts])


def test_votes_join_by_row_where_rows_are_skipped(tmp_path, votes_file, imported):
    source = tmp_path / "fer.csv"
    source.write_text(csv_text(row(3), row(7), row(3)))
    rows = [votes_row("Training", first) for first in range(3)]
    faces = imported(source, ferplus=votes_file(*rows), skip_unknown=True)
    assert faces.votes[:, 0].tolist() == [0, 2]


def test_votes_do_not_join_to_several_tables(tmp_path, votes_file, refusal):
    text = csv_text("3," + pixels(), header="emotion,pixels").encode()
    source = write_zip(tmp_path / "a.zip", {"train.csv": text, "test.csv": text})
    assert "rows of one CSV" in refusal(source, ferplus=votes_file(*ROWS))


def test_a_votes_file_that_is_not_a_table_is_refused(source, tmp_path, refusal):
    path = tmp_path / "votes.csv"
    for content in (None, b"", b"\xff\xfe\x00"):
        if content is not None:
            path.write_bytes(content)
        assert "votes.csv cannot be read as FER+ votes" in refusal(source, ferplus=path)
