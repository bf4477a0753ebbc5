import pandas as pd
import pytest

from pipeline.data.audit import FINDINGS, audit, load_audit, save_audit
from pipeline.errors import UserError
from pipeline.jobs import JOB_VARIABLE, audit_job
from pipeline.runs import model_names
from pipeline.workspace import dataset_folder
from tests.cli.commands import document, output
from tests.conftest import wait_for
from tests.data.dataset_makers import checks, make_faces, noise, smooth, store_faces, votes
from tests.evaluation.makers import make_run, store_evaluation


@pytest.fixture
def faces():
    images = [smooth(0), smooth(0), smooth(0) + 9, checks(3), *map(noise, range(16))]
    splits = ["train", "test"] * 10
    ferplus = [votes(anger=9), votes(NF=9), *[votes(happiness=9)] * 18]
    return store_faces(images, [0, 0, *[3] * 18], splits, ferplus)


@pytest.fixture
def without_votes():
    return store_faces([noise(0), noise(0), noise(1)], splits=["train", "test", "test"])


def test_json_has_every_finding_and_is_cached(faces, monkeypatch):
    found = document("audit", "faces")
    assert found == {
        "n": 20,
        "identical": {"groups": 1, "faces": 2, "excess": 1},
        "near_identical": {"groups": 1, "faces": 3, "excess": 2},
        "leaks": {"groups": 1, "test": 1},
        "near_leaks": {"groups": 1, "test": 1},
        "conflicting_labels": {"groups": 0, "faces": 0},
        "flat": {"faces": 1},
        "not_a_face": {"faces": 1},
        "doubtful": {"faces": 0, "ferplus": 0},
        "label_issues": {"faces": 0, "of": 0, "models": {}},
    }
    assert load_audit(faces).summary(faces) == audit(faces).summary(faces)
    monkeypatch.setattr("pipeline.cli.audit.audit_dataset", None)
    assert document("audit", "faces") == found


def test_label_issues_by_votes_and_by_models_are_counted_apart_and_together():
    labels = [i % 7 for i in range(140)]
    ferplus = [votes(happiness=9) if i < 20 else votes() for i in range(140)]
    faces = store_faces([noise(i) for i in range(140)], labels, "test", ferplus)
    run = make_run(faces, evaluated=False)
    store_evaluation(run, faces, "test", seed=4, skill=2)

    found = document("audit", "faces")
    counts = found["doubtful"]
    by_model = counts["models"][run.name]
    used = {"faces": by_model, "of": 140}
    assert found["label_issues"] == {**used, "models": {run.name: used}}
    assert counts.keys() == {"faces", "ferplus", "models"} and counts["ferplus"] == 17
    assert max(by_model, 17) <= counts["faces"] < by_model + 17 and by_model > 0
    assert model_names()[run.name] in " ".join(output("audit", "faces").split())


def test_findings_that_need_votes_or_an_accurate_model_are_left_out_without(without_votes):
    assert not {"not_a_face", "doubtful"} & document("audit", "faces").keys()

    store_evaluation(make_run(without_votes, evaluated=False), without_votes, "test", skill=0.1)
    assert "doubtful" not in document("audit", "faces")
    assert "evaluate one" in output("audit", "faces")


def test_people_get_a_table_with_counts_shares_and_leaks(faces):
    printed = output("audit", "faces")
    lines = {
        line.strip().split("  ")[0]: line.split() for line in printed.splitlines() if line.strip()
    }

    assert printed.startswith("20 faces in 'faces'\n")
    assert all(each.title.lower() in lines for each in FINDINGS.values())
    assert lines["duplicates"][1:4] == ["1", "2", "10.0%"]
    assert lines["low contrast"][2:5] == ["–", "1", "5.0%"]
    assert lines["test"][:2] == ["test", "1"]


def test_again_replaces_a_stored_audit(without_votes):
    save_audit(without_votes, audit(make_faces([noise(0)] * 3)))
    assert document("audit", "faces")["identical"]["faces"] == 3

    found = document("audit", "faces", "--again")
    assert found["identical"]["faces"] == 2
    assert document("audit", "faces") == found


def test_csv_has_a_row_for_each_face_with_a_finding(faces, tmp_path):
    run = make_run(faces, evaluated=False)
    store_evaluation(run, faces, "test", skill=9)
    output("audit", "faces", "--csv", str(tmp_path / "found.csv"))

    table = pd.read_csv(tmp_path / "found.csv", index_col="id")
    assert set(table.columns) == {
        "split", "label", "identical_group", "near_identical_group",
        *(each.key for each in FINDINGS.values()), "label_issue",
    }  # fmt: skip
    assert table.loc["f1", ["identical", "leaks", "not_a_face", "flat"]].tolist() == [
        True, True, True, False,
    ]  # fmt: skip
    assert table.loc["f3", "flat"] and {"f0", "f1", "f2", "f3"} <= set(table.index)
    assert table.select_dtypes(bool).any(axis=1).all()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["found.csv"]


def test_a_mistake_or_a_file_that_cannot_be_written_is_one_sentence(without_votes, tmp_path):
    for words, sentence in (
        (("no",), r"^Unknown data set 'no'\. Choose from: faces\.$"),
        (("faces", "--csv", str(tmp_path / "no/a.csv")), r"cannot be written \(No such file or d"),
        (("faces", "--csv", str(tmp_path)), "is not a regular file: choose another name"),
        (("faces", "--csv", "/dev/null"), "is not a regular file: choose another name"),
    ):
        with pytest.raises(UserError, match=sentence):
            output("audit", *words)

    (dataset_folder("faces") / "audit.npz").unlink()
    (dataset_folder("faces") / "audit.npz").mkdir()
    with pytest.raises(UserError, match=r"^The audit of 'faces' cannot be stored \([^\n]*\.$"):
        output("audit", "faces")


@pytest.mark.slow
def test_started_as_a_job_it_stores_the_audit_and_clears_the_job(without_votes, monkeypatch):
    job = audit_job("faces")
    job.start()
    wait_for(lambda: not job.running())
    assert job.failure() is None and not job.folder.exists()
    assert load_audit(without_votes).summary(without_votes)["identical"]["groups"] == 1

    job.folder.mkdir(parents=True)
    monkeypatch.setenv(JOB_VARIABLE, str(job.folder))
    output("audit", "faces")
    assert not job.folder.exists(), "cleared, too, when the audit is cached"
