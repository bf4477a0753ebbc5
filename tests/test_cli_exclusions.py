import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.audit import kept_audit
from pipeline.data.dataset import Batch, FaceDataset
from pipeline.data.exclusions import exclude, load_exclusions, read_exclusions
from pipeline.data.store import dataset_names, load_dataset, new_dataset
from pipeline.evaluation.predictions import load_predictions
from pipeline.runs import Run, create_run, list_runs
from pipeline.training.config import TrainConfig
from tests.conftest import run_pipeline
from tests.test_cli import invoke

TRAIN = (
    "train --dataset faces --exclude twins --widths 4,8 --convolutions 1 --epochs 1 --batch-size 8"
)


def make_faces() -> FaceDataset:
    """Noise: 42 faces to train on, 14 to choose on; f1 and f50 show f0, f43 shows f42."""
    n = 56
    images = np.random.default_rng(0).integers(0, 256, (n, 48, 48), dtype=np.uint8)
    images[[1, 50]], images[43] = images[0], images[42]
    batch = Batch(
        images=images,
        labels=(np.arange(n) % 7).astype(np.uint8),
        splits=np.array(["train"] * 42 + ["validation"] * 14),
        ids=np.array([f"f{i}" for i in range(n)]),
        progress=1.0,
    )
    with new_dataset("faces") as writer:
        writer.append(batch)
        writer.finish("faces", "noise", 0, None)
    return load_dataset("faces")


@pytest.fixture
def faces(empty_workspace) -> FaceDataset:
    return make_faces()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--finding identical", {"f0", "f1", "f42", "f43", "f50"}),
        ("--finding identical --keep-first", {"f1", "f43", "f50"}),
        ("--finding identical --keep-first --split validation", {"f43"}),
        ("--finding leaks --split validation", {"f50"}),
        ("--finding leaks --finding flat --split train --split validation", {"f0", "f1", "f50"}),
    ],
)
def test_findings_go_on_a_list(faces, capsys, options, expected):
    code, out, _ = invoke("exclude", "faces", "twins", *options.split(), capsys=capsys)

    reasons = load_exclusions("faces", "twins").reasons
    assert code == 0 and f"holds {len(expected)} faces" in out
    assert set(reasons) == expected
    assert set(reasons.values()) == {options.split()[1]}
    assert kept_audit(faces) is not None


def test_a_list_grows_and_every_face_keeps_its_first_reason(faces, capsys, tmp_path):
    file = tmp_path / "hand.csv"
    file.write_text("id,reason\nf0,a hand\nf9,\n")
    invoke("exclude", "faces", "x", "--ids", str(file), capsys=capsys)
    options = ("--finding", "leaks", "--reason", "seen in training")

    invoke("exclude", "faces", "x", *options, capsys=capsys)

    assert load_exclusions("faces", "x").reasons == {
        "f0": "a hand",
        "f9": "by hand",
        "f1": "seen in training",
        "f50": "seen in training",
    }


def test_a_finding_that_nothing_has_makes_an_empty_list(faces, capsys):
    assert invoke("exclude", "faces", "x", "--finding", "flat", capsys=capsys)[0] == 0
    assert len(load_exclusions("faces", "x")) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("", "Say which faces"),
        ("--ids FILE --keep-first", "limit what --finding gives"),
        ("--finding twin", "Unknown finding 'twin'. Choose from: identical"),
        ("--finding flat --split test", "no split 'test'. Choose from: train, validation"),
        ("--ids FILE", "are not in data set 'faces', among them 'g1'"),
        ("--ids absent.csv", "absent.csv is no readable list of faces"),
    ],
)
def test_a_mistake_is_one_sentence_and_makes_no_list(faces, capsys, tmp_path, options, sentence):
    (tmp_path / "ids.csv").write_text("id,reason\nf1,a\ng1,b\n")
    words = options.replace("FILE", str(tmp_path / "ids.csv")).split()

    code, _, err = invoke("exclude", "faces", "x", *words, capsys=capsys)

    assert code == 1 and sentence in err and err.count("\n") == 1
    assert json.loads(invoke("exclusions", "faces", "--json", capsys=capsys)[1]) == []


def test_lists_are_listed_and_removed(faces, capsys):
    exclude(faces, "a", dict.fromkeys(["f0", "f1", "f50"], "x"))
    exclude(faces, "b", dict.fromkeys(["f2"], "x"))
    (a, b) = json.loads(invoke("exclusions", "faces", "--json", capsys=capsys)[1])

    assert a == {
        "name": "a",
        "faces": 3,
        "splits": {"train": 2, "validation": 1},
        "problem": None,
    }
    assert b["name"] == "b"
    out = invoke("exclusions", "faces", "--remove", "b", "--json", capsys=capsys)[1]
    assert json.loads(out) == [a]
    assert (
        "no exclusion list 'b'" in invoke("exclusions", "faces", "--remove", "b", capsys=capsys)[2]
    )


def test_a_damaged_list_is_listed_with_its_problem(faces, capsys, empty_workspace):
    exclude(faces, "a", dict.fromkeys(["f0"], "x"))
    (empty_workspace / "datasets" / "faces" / "exclusions" / "a.csv").write_text("nothing\n")

    (row,) = json.loads(invoke("exclusions", "faces", "--json", capsys=capsys)[1])

    assert row["name"] == "a" and "no readable list" in row["problem"]


def test_evaluate_leaves_a_list_out_and_says_so(faces, capsys):
    exclude(faces, "twins", dict.fromkeys(["f50", "f43", "f0"], "leaks"))
    words = ("evaluate", "custom_cnn", "--dataset", "faces", "--split", "validation", "--json")

    whole = json.loads(invoke(*words, capsys=capsys)[1])
    without = json.loads(invoke(*words, "--exclude", "twins", capsys=capsys)[1])
    _, _, err = invoke(*words, "--exclude", "x", capsys=capsys)

    assert (whole["n"], whole["exclude"]) == (14, None)
    assert (without["n"], without["exclude"]) == (12, "twins")
    assert "no exclusion list 'x'. Choose from: twins" in err


def test_train_refuses_an_unknown_list_before_there_is_a_run(faces, capsys):
    code, _, err = invoke("train", "--dataset", "faces", "--exclude", "x", capsys=capsys)

    assert code == 1 and "no exclusion list 'x'" in err
    assert list_runs() == []


@pytest.fixture(scope="module")
def trained_without(tmp_path_factory) -> Path:
    """Train one tiny run that leaves three faces out; shared, so only to be copied."""
    workspace = tmp_path_factory.mktemp("without")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        exclude(make_faces(), "twins", dict.fromkeys(["f1", "f2", "f50"], "by hand"))
    run_pipeline(TRAIN, workspace)
    return workspace


@pytest.fixture
def run(trained_without, empty_workspace) -> Run:
    shutil.copytree(trained_without, empty_workspace)
    return list_runs()[0]


def test_training_leaves_a_list_out_and_records_it(run):
    recorded = run.config().exclusion
    listed = load_exclusions("faces", "twins")

    assert (recorded.name, recorded.faces, recorded.fingerprint) == ("twins", 3, listed.fingerprint)
    assert read_exclusions(run.exclusions_path, "twins") == listed
    assert run.status().steps == 5  # 8 a step of 40 faces; all 42 would need 6


def test_a_run_is_judged_on_every_face_and_at_wish_without_a_list(run, capsys):
    (whole,) = run.evaluation_paths()
    words = ("--dataset", "faces", "--split", "validation", "--exclude", "twins", "--json")

    without = json.loads(invoke("evaluate", run.name, *words, capsys=capsys)[1])

    assert len(load_predictions(run, whole)) == 14
    assert (without["n"], without["exclude"]) == (13, "twins")
    assert len(run.evaluation_paths()) == 2


def test_a_run_is_finished_again_after_its_data_set_was_renamed(run, capsys):
    assert invoke("rename", "faces", "fer", capsys=capsys)[0] == 0
    shutil.rmtree(run.path / "evaluation")

    code, out, _ = invoke("train", "--finish", run.name, capsys=capsys)

    assert code == 0 and f"Finished {run.name}" in out
    (folder,) = run.evaluation_paths()
    assert load_predictions(run, folder).dataset == "fer"


def test_a_shipped_model_keeps_the_record(run, capsys, tmp_path, monkeypatch):
    for module in ("shipping", "runs.folder", "runs.index"):
        monkeypatch.setattr(f"pipeline.{module}.ZOO", tmp_path / "zoo")

    invoke("ship", run.name, "--name", "small", capsys=capsys)

    shipped = Run(tmp_path / "zoo" / "small")
    assert shipped.config().exclusion == run.config().exclusion
    assert shipped.exclusions_path.read_text() == run.exclusions_path.read_text()
    assert [path.parent.parent for path in shipped.evaluation_paths()] == [shipped.path]
    assert "# small" in (shipped.path / "README.md").read_text()


def test_a_data_set_in_use_is_not_renamed(faces, capsys):
    run = create_run(TrainConfig(dataset="faces"), faces.fingerprint)

    code, _, err = invoke("rename", "faces", "fer", capsys=capsys)

    assert code == 1 and f"'faces' is needed by the run '{run.name}'" in err
    assert dataset_names() == ["faces"]
