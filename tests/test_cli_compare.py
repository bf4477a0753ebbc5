import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.calibration import fit_temperature
from pipeline.evaluation.comparison import ensemble, paired_differences
from pipeline.evaluation.cost import cost_of
from pipeline.evaluation.jobs import SpeedJob
from pipeline.evaluation.metrics import FIGURES, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.runs import Run, find_model, list_runs
from pipeline.vision.temperature import scale
from tests.conftest import run_pipeline
from tests.data.dataset_makers import noise, store_faces

SHIPPED = "custom_cnn"
TEST_SPLIT = ("--dataset", "sample", "--split", "test")


def ask(*words: str):
    """Run a command in this process and return its one JSON document."""
    done = CliRunner().invoke(cli.app, [*words, "--json"])
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


def table(*words: str) -> str:
    done = CliRunner().invoke(cli.app, [*words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def workspace(trained, tmp_path_factory) -> Path:
    """Return a workspace with a trained run that was never judged on the test split."""
    copy = tmp_path_factory.mktemp("compared") / "workspace"
    shutil.copytree(trained, copy)
    shutil.rmtree(copy / "evaluation", ignore_errors=True)
    for folder in copy.glob("runs/*/evaluation/*-test*"):
        shutil.rmtree(folder)
    return copy


@pytest.fixture(scope="module")
def compared(workspace) -> CompletedProcess:
    (run,) = (path.name for path in (workspace / "runs").iterdir() if path.is_dir())
    return run_pipeline(f"compare {SHIPPED} {run} {' '.join(TEST_SPLIT)} --json", workspace)


@pytest.fixture
def run(compared, workspace, monkeypatch) -> Run:
    """Point the test at the workspace in which the two models have been compared."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(workspace))
    return list_runs()[0]


@pytest.fixture
def judged(run) -> list[Predictions]:
    fingerprint, models = load_dataset("sample").fingerprint, [find_model(SHIPPED), run]
    return [load_predictions(m, m.new_evaluation_path(fingerprint, "test")) for m in models]


def test_a_comparison_is_one_json_document_of_the_faces_asked_for(compared, judged):
    report = json.loads(compared.stdout)

    assert report.keys() == {
        "dataset", "fingerprint", "split", "exclude", "without_twins", "n", "models", "pairs",
        "seeds", "ensemble",
    }  # fmt: skip
    assert (report["dataset"], report["split"], report["n"]) == ("sample", "test", 210)
    assert report["fingerprint"] == load_dataset("sample").fingerprint
    assert (report["exclude"], report["without_twins"], report["seeds"]) == ("", False, [])
    assert [len(each) for each in judged] == [210, 210]


def test_a_comparison_has_the_figures_of_the_models(compared, judged, run):
    rows = json.loads(compared.stdout)["models"]

    assert [row["model"] for row in rows] == [SHIPPED, run.name]
    for row, each in zip(rows, judged, strict=True):
        metrics = compute_metrics(each)
        assert row["accuracy_interval"] == list(accuracy_interval(each))
        for name in FIGURES:
            assert row[name] == pytest.approx(getattr(metrics, name)), name
    cost = cost_of(run)
    assert (rows[1]["parameters"], rows[1]["size_mb"]) == (cost.parameters, cost.size_mb)
    assert rows[1]["accuracy"] > 0.95 > rows[0]["accuracy"]


def test_a_comparison_has_the_pairs_and_the_ensemble(compared, judged):
    report = json.loads(compared.stdout)

    (pair,), (expected,) = report["pairs"], paired_differences(judged)
    assert pair["difference"] == expected.difference < 0
    assert pair["p_value"] == pair["adjusted_p"] == pytest.approx(expected.p_value)
    assert pair["interval"] == list(expected.interval)
    mean = report["ensemble"]
    assert mean["model"] == "mean of 2"
    assert mean["accuracy"] == compute_metrics(ensemble(judged)).accuracy
    assert mean["size_mb"] == sum(row["size_mb"] for row in report["models"])


def test_stored_predictions_are_not_made_again_and_a_table_says_the_same(run, compared):
    files = list(run.path.glob("evaluation/*/predictions.npz"))
    before = [file.stat().st_mtime_ns for file in files]
    report = json.loads(compared.stdout)

    shown = table("compare", SHIPPED, run.name, *TEST_SPLIT)

    assert [file.stat().st_mtime_ns for file in files] == before
    assert shown.startswith("210 faces of sample, test\n")
    lines = [line.strip() for line in shown.splitlines()]
    for row in (*report["models"], report["ensemble"]):
        line = next(line for line in lines if line.startswith(row["model"]))
        assert line.removeprefix(row["model"]).strip().startswith(f"{row['accuracy']:.3f} (")
    assert f"{report['pairs'][0]['difference']:+.3f} (" in shown
    assert "p (McNemar)" in shown and "p (Holm)" in shown


def test_a_model_named_twice_counts_once_and_one_alone_has_no_pair(run):
    report = ask("compare", run.name, run.name, *TEST_SPLIT)

    assert [row["model"] for row in report["models"]] == [run.name]
    assert (report["pairs"], report["ensemble"]) == ([], None)
    assert "Holm" not in table("compare", run.name, *TEST_SPLIT)


def test_a_comparison_leaves_a_list_out_without_a_new_evaluation(run, judged):
    dataset = load_dataset("sample")
    listed = judged[0].ids[:9].tolist()
    exclude(dataset, "few", dict.fromkeys(listed, "by hand"))
    evaluations = len(run.evaluation_paths())

    report = ask("compare", SHIPPED, run.name, *TEST_SPLIT, "--exclude", "few")

    assert (report["n"], report["exclude"]) == (201, "few")
    expected = compute_metrics(judged[1].without(np.array(listed))).accuracy
    assert report["models"][1]["accuracy"] == expected
    assert len(run.evaluation_paths()) == evaluations


@pytest.fixture
def copied(run) -> Iterator[Run]:
    """Copy the run for as long as the test takes."""
    copy = Run(run.path.with_name("copied"))
    shutil.copytree(run.path, copy.path)
    yield copy
    copy.remove()


@pytest.fixture
def other_seed(copied) -> Run:
    """Let the copy differ from the run in its seed."""
    config = copied.config()
    train = config.train.model_copy(update={"seed": config.train.seed + 1})
    copied.write_config(config.model_copy(update={"train": train}))
    return copied


@pytest.fixture
def mistaken(copied) -> Run:
    """Let the copy make mistakes: those of the shipped model on drawn faces."""
    copied.discard_results()
    shutil.copytree(find_model(SHIPPED).openvino_path.parent, copied.openvino_path.parent)
    return copied


def test_runs_of_one_configuration_are_told_as_seeds(run, other_seed):
    words = ("compare", SHIPPED, run.name, other_seed.name, *TEST_SPLIT)

    report, shown = ask(*words), table(*words)

    (group,) = report["seeds"]
    accuracy = report["models"][1]["accuracy"]
    assert group["models"] == [run.name, other_seed.name]
    assert group["accuracy"] == [pytest.approx(accuracy), 0]
    assert f"2 seeds of one configuration: accuracy {accuracy:.3f} ± 0.000" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("compare", SHIPPED, "no", *TEST_SPLIT), "Unknown model 'no'"),
        (("compare", SHIPPED, "--dataset", "no", "--split", "test"), "data set 'no'"),
        (("compare", SHIPPED, "--dataset", "sample", "--split", "no"), "has no split 'no'"),
        (("compare", SHIPPED, *TEST_SPLIT, "--exclude", "no"), "no exclusion list 'no'"),
        (("speed", "no"), "Unknown model 'no'"),
    ],
    ids=["model", "data set", "split", "list", "speed"],
)
def test_a_mistake_is_one_sentence(run, words, sentence):
    with pytest.raises(UserError, match=sentence):
        ask(*words)


def test_evaluation_has_an_interval_and_no_figures_without_twins_where_there_are_none(run, judged):
    report = ask("evaluate", run.name, *TEST_SPLIT)

    assert report["accuracy_interval"] == list(accuracy_interval(judged[1]))
    assert report["without_twins"] is None
    assert "without twins" not in table("evaluate", run.name, *TEST_SPLIT)


@pytest.fixture
def twinned() -> None:
    """Store 28 faces of `train` and 20 of `test`, of which 8 have their picture in `train`."""
    pictures = [noise(seed) for seed in range(40)]
    store_faces(pictures[:28] + pictures[20:], splits=["train"] * 28 + ["test"] * 20)


def test_evaluation_has_the_figures_without_faces_that_training_showed(twinned):
    report = ask("evaluate", SHIPPED, "--dataset", "faces", "--split", "test")

    unseen, (folder,) = report["without_twins"], find_model(SHIPPED).evaluation_paths()[:1]
    left = load_predictions(find_model(SHIPPED), folder).of(np.arange(20) >= 8)
    assert (report["n"], unseen["n"]) == (20, 12)
    assert unseen.keys() == {"n", *FIGURES, "accuracy_interval"}
    assert unseen["accuracy"] == compute_metrics(left).accuracy
    assert unseen["log_loss"] == pytest.approx(compute_metrics(left).log_loss)
    assert unseen["accuracy_interval"] == list(accuracy_interval(left))


def test_tables_of_an_evaluation_and_a_comparison_can_leave_twins_out(twinned):
    words = (SHIPPED, "--dataset", "faces", "--split", "test")

    shown = table("evaluate", *words)
    assert "all faces" in shown and "without twins of training faces" in shown
    compared = table("compare", *words, "--without-twins")
    assert compared.startswith("12 faces of faces, test, without twins of training faces\n")
    assert ask("compare", *words, "--without-twins")["n"] == 12
    assert ask("compare", *words)["n"] == 20


def test_judging_the_choosing_split_stores_the_temperature_that_predict_shows(mistaken, tmp_path):
    dataset = load_dataset("sample")
    picture = str(tmp_path / "face.png")
    cv2.imwrite(picture, dataset.images[0])
    words = ("predict", mistaken.name, picture, "--cropped")
    (before,) = ask(*words)[0]["faces"]

    ask("evaluate", mistaken.name, "--dataset", "sample", "--split", "validation")
    (after,) = ask(*words)[0]["faces"]

    stored = load_predictions(mistaken, mistaken.evaluation_path(dataset.fingerprint, "validation"))
    temperature = mistaken.calibration().temperature
    assert temperature == fit_temperature(stored)
    assert after["probabilities"] == before["probabilities"]
    assert before["confidence"] == pytest.approx(max(before["probabilities"].values()))
    scaled = scale(np.array([[*after["probabilities"].values()]], np.float32), temperature)
    assert after["confidence"] == pytest.approx(scaled.max())
    assert f"{after['confidence']:.3f}" in table(*words)


def test_speeds_are_one_json_document_and_stored(empty_workspace):
    done = run_pipeline(f"speed {SHIPPED} --json", empty_workspace)

    (row,) = json.loads(done.stdout)
    speed = find_model(SHIPPED).speed()
    assert row == {"model": SHIPPED, **speed.model_dump()}
    assert 0 < row["ms"] <= row["p95_ms"]
    assert not SpeedJob((SHIPPED,)).folder.exists()


def test_a_speed_job_runs_the_command():
    assert SpeedJob(("a", "b")).command == ["speed", "a", "b"]
