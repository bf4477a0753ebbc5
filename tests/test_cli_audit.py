import json

import pandas as pd
import pytest

from pipeline.data.audit import FINDINGS, audit, keep_audit, kept_audit
from pipeline.data.jobs import AuditJob
from pipeline.workspace import dataset_folder
from tests.conftest import wait_for
from tests.data.dataset_makers import checks, make_faces, noise, smooth, store_faces, votes
from tests.evaluation.makers import make_run, store_evaluation
from tests.test_cli import invoke


@pytest.fixture
def faces():
    pictures = [smooth(0), smooth(0), smooth(0) + 9, checks(3), *map(noise, range(16))]
    splits = ["train", "test"] * 10
    said = [votes(anger=9), votes(NF=9), *[votes(happiness=9)] * 18]
    return store_faces(pictures, [0, 0, *[3] * 18], splits, said)


@pytest.fixture
def unvoted():
    return store_faces([noise(0), noise(0), noise(1)])


@pytest.fixture
def never_again(monkeypatch):
    def fail(*_):
        raise AssertionError("audited again")

    monkeypatch.setattr("pipeline.cli.audit.audit_dataset", fail)


def test_json_is_one_document_with_every_promised_figure(faces, capsys):
    code, out, err = invoke("audit", "faces", "--json", capsys=capsys)

    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "n": 20,
        "identical": {"groups": 1, "faces": 2, "excess": 1},
        "near_identical": {"groups": 1, "faces": 3, "excess": 2},
        "leaks": {"groups": 1, "test": 1},
        "near_leaks": {"groups": 1, "test": 1},
        "conflicting_labels": {"groups": 0, "faces": 0},
        "flat": {"faces": 1},
        "not_a_face": {"faces": 1},
        "doubtful": {"faces": 0, "ferplus": 0},
    }


def test_doubts_of_votes_and_models_are_told_apart_and_together(capsys):
    labels = [i % 7 for i in range(140)]
    said = [votes(happiness=9) if i < 20 else votes() for i in range(140)]
    faces = store_faces([noise(i) for i in range(140)], labels, "test", said)
    run = make_run(faces, evaluated=False)
    store_evaluation(run, faces, "test", skill=0.5)

    doubtful = json.loads(invoke("audit", "faces", "--json", capsys=capsys)[1])["doubtful"]
    doubts = doubtful["models"][run.name]
    assert doubtful.keys() == {"faces", "ferplus", "models"} and doubtful["ferplus"] == 17
    assert max(doubts, 17) <= doubtful["faces"] < doubts + 17 and doubts > 0
    assert run.name in invoke("audit", "faces", capsys=capsys)[1]


def test_what_cannot_be_known_is_left_out(unvoted, capsys):
    summary = json.loads(invoke("audit", "faces", "--json", capsys=capsys)[1])
    assert not {"not_a_face", "doubtful"} & summary.keys()

    run = make_run(unvoted, evaluated=False)
    store_evaluation(run, unvoted, "train")
    assert "doubtful" not in json.loads(invoke("audit", "faces", "--json", capsys=capsys)[1])


def test_people_get_a_table_with_counts_shares_and_leaks(faces, capsys):
    code, out, _ = invoke("audit", "faces", capsys=capsys)
    lines = {line.strip().split("  ")[0]: line.split() for line in out.splitlines() if line.strip()}

    assert code == 0 and out.startswith("20 faces in 'faces'\n")
    assert all(name.replace("_", " ") in lines for name in FINDINGS)
    assert lines["identical"][1:4] == ["1", "2", "10.0%"]
    assert lines["flat"][1:4] == ["–", "1", "5.0%"]
    assert lines["test"][:2] == ["test", "1"]


def test_the_audit_is_kept(faces, capsys, request):
    first = invoke("audit", "faces", "--json", capsys=capsys)
    request.getfixturevalue("never_again")

    assert kept_audit(faces).summary(faces) == audit(faces).summary(faces)
    assert invoke("audit", "faces", "--json", capsys=capsys) == first


def test_again_looks_again(unvoted, capsys):
    keep_audit(unvoted, audit(make_faces([noise(0)] * 3)))
    kept = json.loads(invoke("audit", "faces", "--json", capsys=capsys)[1])
    found = json.loads(invoke("audit", "faces", "--json", "--again", capsys=capsys)[1])

    assert (kept["identical"]["faces"], found["identical"]["faces"]) == (3, 2)
    assert json.loads(invoke("audit", "faces", "--json", capsys=capsys)[1]) == found


def test_csv_has_a_row_for_each_face_found(faces, tmp_path, capsys):
    run = make_run(faces, evaluated=False)
    store_evaluation(run, faces, "test", skill=0.1)
    target = tmp_path / "found.csv"

    assert invoke("audit", "faces", "--csv", str(target), capsys=capsys)[0] == 0
    table = pd.read_csv(target, index_col="id")
    assert set(table.columns) == {
        "split", "label", "identical_group", "near_identical_group", *FINDINGS,
        f"doubted_by_{run.name}",
    }  # fmt: skip
    assert table.loc["f1", ["identical", "leaks", "not_a_face", "flat"]].tolist() == [
        True, True, True, False,
    ]  # fmt: skip
    assert table.loc["f3", "flat"] and {"f0", "f1", "f2", "f3"} <= set(table.index)
    assert table.select_dtypes(bool).any(axis=1).all()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["found.csv"]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no/found.csv", "cannot be written: No such file or directory."),
        (".", "is no file that could be written: name a .csv file."),
        ("/dev/null", "is no file that could be written: name a .csv file."),
    ],
)
def test_a_csv_that_cannot_be_written_is_one_sentence(target, says, unvoted, tmp_path, capsys):
    arguments = ("audit", "faces", "--csv", str(tmp_path / target), "--json")
    code, out, err = invoke(*arguments, capsys=capsys)

    assert (code, out) == (1, "")
    assert err.endswith(f"{says}\n") and err.count("\n") == 1


def test_an_audit_that_cannot_be_kept_is_one_sentence(unvoted, capsys):
    (dataset_folder("faces") / "audit.npz").mkdir()

    code, out, err = invoke("audit", "faces", capsys=capsys)
    assert (code, out) == (1, "")
    assert err.startswith("The audit of 'faces' cannot be kept (") and err.count("\n") == 1


def test_an_unknown_data_set_names_those_there_are(unvoted, capsys):
    code, _, err = invoke("audit", "no", capsys=capsys)

    assert code == 1 and err == "Unknown data set 'no'. Choose from: faces.\n"


def test_started_as_a_job_it_keeps_the_audit_and_clears_itself_away(unvoted):
    job = AuditJob("faces")
    job.start()
    wait_for(lambda: not job.running())

    assert job.failure() is None and not job.folder.exists()
    assert kept_audit(unvoted).summary(unvoted)["identical"]["groups"] == 1


def test_a_job_is_cleared_away_where_the_audit_was_kept_before(unvoted, capsys):
    invoke("audit", "faces", capsys=capsys)
    AuditJob("faces").folder.mkdir(parents=True)
    invoke("audit", "faces", capsys=capsys)

    assert not AuditJob("faces").folder.exists()
