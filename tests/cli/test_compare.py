import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.calibration import fit_temperature
from pipeline.evaluation.comparison import ensemble, paired_differences
from pipeline.evaluation.metrics import METRIC_NAMES, accuracy_interval, compute_metrics
from pipeline.evaluation.model_cost import model_cost
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.runs import Run, find_model, list_runs, model_names
from pipeline.vision.confidence import scale_probabilities
from tests.cli.commands import document, output
from tests.data.dataset_makers import noise, store_faces

BUNDLED = "custom_cnn"
TEST_SPLIT = ("--dataset", "sample", "--split", "test")


@pytest.fixture(scope="module")
def workspace(trained, tmp_path_factory) -> Path:
    """A workspace with a trained run that was never evaluated on the test split."""
    copy = tmp_path_factory.mktemp("compared") / "workspace"
    shutil.copytree(trained, copy)
    shutil.rmtree(copy / "evaluation", ignore_errors=True)
    for folder in copy.glob("runs/*/evaluation/*-test*"):
        shutil.rmtree(folder)
    return copy


@pytest.fixture(scope="module")
def compared(workspace) -> dict[str, Any]:
    """The comparison of the bundled model with the trained run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        return document("compare", BUNDLED, list_runs()[0].name, *TEST_SPLIT)


@pytest.fixture
def run(compared, workspace, monkeypatch) -> Run:
    """Point the test at the workspace in which the two models have been compared."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(workspace))
    return list_runs()[0]


@pytest.fixture
def predictions(run) -> list[Predictions]:
    fingerprint, models = load_dataset("sample").fingerprint, [find_model(BUNDLED), run]
    return [load_predictions(m, m.new_evaluation_path(fingerprint, "test")) for m in models]


def test_a_comparison_has_the_metrics_of_the_models_the_pairs_and_the_ensemble(
    compared, predictions, run
):
    assert compared.keys() == {
        "dataset", "fingerprint", "split", "exclude", "without_twins", "n", "models", "pairs",
        "seeds", "ensemble",
    }  # fmt: skip
    assert (compared["dataset"], compared["split"], compared["n"]) == ("sample", "test", 210)
    assert compared["fingerprint"] == load_dataset("sample").fingerprint
    assert (compared["exclude"], compared["without_twins"], compared["seeds"]) == ("", False, [])

    rows, cost = compared["models"], model_cost(run)
    assert [row["model"] for row in rows] == [BUNDLED, run.name]
    for row, each in zip(rows, predictions, strict=True):
        metrics = compute_metrics(each)
        assert row["accuracy_interval"] == list(accuracy_interval(each)) and len(each) == 210
        for name in METRIC_NAMES:
            assert row[name] == pytest.approx(getattr(metrics, name)), name
    assert (rows[1]["parameters"], rows[1]["size_mb"]) == (cost.parameters, cost.size_mb)
    assert rows[1]["accuracy"] > 0.5 > rows[0]["accuracy"]

    (pair,), (expected,) = compared["pairs"], paired_differences(predictions)
    assert pair["difference"] == expected.difference < 0
    assert pair["p_value"] == pair["adjusted_p"] == pytest.approx(expected.p_value)
    assert pair["interval"] == list(expected.interval)
    mean = compared["ensemble"]
    assert mean["model"] == "mean of 2"
    assert mean["accuracy"] == compute_metrics(ensemble(predictions)).accuracy
    assert mean["size_mb"] == sum(row["size_mb"] for row in rows)


def test_stored_predictions_are_reused_and_the_table_shows_the_same_metrics(run, compared):
    files = list(run.path.glob("evaluation/*/predictions.npz"))
    before = [file.stat().st_mtime_ns for file in files]

    shown = output("compare", BUNDLED, run.name, *TEST_SPLIT)

    assert [file.stat().st_mtime_ns for file in files] == before
    assert shown.startswith("210 faces of sample · test\n")
    lines = [line.strip() for line in shown.splitlines()]
    names = model_names()
    for row in (*compared["models"], compared["ensemble"]):
        name = names.get(row["model"], row["model"])
        line = next(line for line in lines if line.startswith(name))
        assert line.removeprefix(name).strip().startswith(f"{row['accuracy']:.3f} (")
    assert f"{compared['pairs'][0]['difference']:+.3f} (" in shown
    assert "p (McNemar)" in shown and "p (Holm)" in shown


def test_a_model_named_twice_counts_once_and_one_alone_has_no_pair(run):
    report = document("compare", run.name, run.name, *TEST_SPLIT)

    assert [row["model"] for row in report["models"]] == [run.name]
    assert (report["pairs"], report["ensemble"]) == ([], None)
    assert "Holm" not in output("compare", run.name, *TEST_SPLIT)


def test_a_comparison_without_a_list_needs_no_new_evaluation(run, predictions):
    dataset = load_dataset("sample")
    listed = predictions[0].ids[:9].tolist()
    exclude(dataset, "few", dict.fromkeys(listed, "by hand"))
    evaluations = len(run.evaluation_paths())

    report = document("compare", BUNDLED, run.name, *TEST_SPLIT, "--exclude", "few")

    assert (report["n"], report["exclude"]) == (201, "few")
    expected = compute_metrics(predictions[1].without(np.array(listed))).accuracy
    assert report["models"][1]["accuracy"] == expected
    assert len(run.evaluation_paths()) == evaluations


@pytest.fixture
def copied(run) -> Iterator[Run]:
    """A copy of the run, removed at the end of the test."""
    copy = Run(run.path.with_name("copied"))
    shutil.copytree(run.path, copy.path)
    yield copy
    copy.remove()


def test_runs_that_differ_in_their_seed_alone_are_summarized(run, copied):
    config = copied.config()
    train = config.train.model_copy(update={"seed": config.train.seed + 1})
    copied.write_config(config.model_copy(update={"train": train}))
    words = ("compare", BUNDLED, run.name, copied.name, *TEST_SPLIT)

    report, shown = document(*words), output(*words)

    (group,) = report["seeds"]
    accuracy = report["models"][1]["accuracy"]
    assert group["models"] == [run.name, copied.name]
    assert group["accuracy"] == [pytest.approx(accuracy), 0]
    assert f"2 seeds of one configuration: accuracy {accuracy:.3f} ± 0.000" in shown


def test_a_mistake_is_one_sentence(run):
    for words, sentence in (
        (("compare", BUNDLED, "no", *TEST_SPLIT), "Unknown model 'no'"),
        (("compare", BUNDLED, "--dataset", "no", "--split", "test"), "data set 'no'"),
        (("compare", BUNDLED, "--dataset", "sample", "--split", "no"), "has no split 'no'"),
        (("compare", BUNDLED, *TEST_SPLIT, "--exclude", "no"), "no exclusion list 'no'"),
        (("speed", "no"), "Unknown model 'no'"),
    ):
        with pytest.raises(UserError, match=sentence):
            output(*words)


def test_an_evaluation_has_an_interval_and_a_second_column_only_where_train_has_duplicates(
    run, predictions
):
    report = document("evaluate", run.name, *TEST_SPLIT)

    assert report["accuracy_interval"] == list(accuracy_interval(predictions[1]))
    assert report["without_twins"] is None
    assert "without train duplicates" not in output("evaluate", run.name, *TEST_SPLIT)


def test_metrics_without_train_duplicates_are_those_of_the_other_faces():
    """28 faces of train and 20 of test, of which 8 are duplicates of faces in train."""
    images = [noise(seed) for seed in range(40)]
    store_faces(images[:28] + images[20:], splits=["train"] * 28 + ["test"] * 20)
    words = (BUNDLED, "--dataset", "faces", "--split", "test")
    report, model = document("evaluate", *words), find_model(BUNDLED)

    without = report["without_twins"]
    left = load_predictions(model, model.evaluation_paths()[0]).take(np.arange(20) >= 8)
    assert (report["n"], without["n"]) == (20, 12)
    assert without.keys() == {"n", *METRIC_NAMES, "accuracy_interval"}
    assert without["accuracy"] == compute_metrics(left).accuracy
    assert without["log_loss"] == pytest.approx(compute_metrics(left).log_loss)
    assert without["accuracy_interval"] == list(accuracy_interval(left))

    printed = output("evaluate", *words)
    assert "all faces" in printed and "without train duplicates" in printed
    compared = output("compare", *words, "--without-train-duplicates")
    assert compared.startswith("12 faces of faces · test, without train duplicates\n")
    assert document("compare", *words, "--without-twins")["n"] == 12
    assert document("compare", *words)["n"] == 20


@pytest.mark.slow
def test_evaluating_the_choosing_split_stores_the_temperature_that_predict_uses(copied, tmp_path):
    copied.invalidate_results()  # the bundled model makes mistakes on the sample
    shutil.copytree(find_model(BUNDLED).openvino_path.parent, copied.openvino_path.parent)
    dataset = load_dataset("sample")
    photo = str(tmp_path / "face.png")
    cv2.imwrite(photo, dataset.images[0])
    words = ("predict", copied.name, photo, "--cropped")
    (before,) = document(*words)[0]["faces"]

    document("evaluate", copied.name, "--dataset", "sample", "--split", "validation")
    (after,) = document(*words)[0]["faces"]

    stored = load_predictions(copied, copied.evaluation_path(dataset.fingerprint, "validation"))
    temperature = copied.calibration().temperature
    assert temperature == fit_temperature(stored)
    assert after["probabilities"] == before["probabilities"]
    assert before["confidence"] == pytest.approx(max(before["probabilities"].values()))
    scaled = scale_probabilities(
        np.array([[*after["probabilities"].values()]], np.float32), temperature
    )
    assert after["confidence"] == pytest.approx(scaled.max())
    assert f"{after['confidence']:.3f}" in output(*words)


def test_speeds_are_one_json_document_and_stored():
    (row,) = document("speed", BUNDLED)
    speed = find_model(BUNDLED).speed()
    assert row == {"model": BUNDLED, **speed.model_dump()}
    assert 0 < row["ms"] <= row["p95_ms"]
