import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.evaluation.calibration import (
    FEWEST,
    calibrate,
    fit_temperature,
)
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Calibration, Run, Speed, find_model
from tests.evaluation.makers import all_right, make_dataset, make_run, random_predictions


@pytest.fixture
def dataset():
    return make_dataset()


@pytest.fixture
def run(dataset) -> Run:
    return make_run(dataset, evaluated=False)


def drawn(dataset, split="held_out", n=60) -> Predictions:
    names = {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "split": split}
    return random_predictions(n, **names)


def test_the_temperature_is_stored_with_the_run_and_read_back(run, dataset):
    predictions = drawn(dataset)

    made = calibrate(run, predictions)

    stored = json.loads((run.path / "calibration.json").read_text())
    assert stored == {
        "temperature": fit_temperature(predictions), "dataset": "faces",
        "fingerprint": dataset.fingerprint, "split": "held_out", "faces": 60,
    }  # fmt: skip
    assert run.calibration() == made


def test_of_too_few_faces_and_without_a_mistake_nothing_is_stored(run, dataset):
    assert calibrate(run, drawn(dataset, n=FEWEST - 1)) is None
    assert calibrate(run, all_right(60)) is None
    assert run.calibration() is None and not run.calibration_path.exists()


@pytest.mark.parametrize(
    "content",
    [
        None, b"", b"{", b"[]", b"\xff", b"{}", b'{"temperature": 2}',
        b'{"temperature": 0, "dataset": "d", "fingerprint": "f", "split": "test", "faces": 20}',
        b'{"temperature": NaN, "dataset": "d", "fingerprint": "f", "split": "test", "faces": 20}',
    ],
)  # fmt: skip
def test_a_missing_or_damaged_temperature_is_none(run, content):
    if content is not None:
        run.calibration_path.write_bytes(content)

    assert run.calibration() is None


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b'{"ms": 1.0}'])
def test_a_missing_or_damaged_speed_is_none(run, content):
    if content is not None:
        run.speed_path.write_bytes(content)

    assert run.speed() is None


def test_a_speed_comes_back_as_it_was_stored(run):
    speed = Speed(
        ms=1.5, p95_ms=2.0, threads=2, precision="default", processor="p", measured="2026-01-01"
    )
    run.write_speed(speed)

    assert run.speed() == speed
    assert run.speed_path == run.path / "speed.json"


def test_a_run_that_is_trained_on_forgets_its_temperature_and_speed(run, dataset):
    calibrate(run, drawn(dataset))
    run.write_speed(
        Speed(ms=1.5, p95_ms=2.0, threads=2, precision="default", processor="p", measured="")
    )

    run.discard_results()

    assert run.calibration() is None and run.speed() is None


@pytest.fixture
def shipped(run, tmp_path, monkeypatch) -> Run:
    """Return the run as a model of a zoo of its own."""
    for module in ("index", "folder"):
        monkeypatch.setattr(f"pipeline.runs.{module}.ZOO", tmp_path / "zoo")
    shutil.move(run.path, tmp_path / "zoo" / "small")
    return find_model("small")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_temperature_of_a_shipped_model_goes_to_the_workspace(
    shipped, dataset, empty_workspace
):
    before = contents(shipped.path)

    made = calibrate(shipped, drawn(dataset))

    assert shipped.calibration() == made is not None
    assert shipped.calibration_path.is_relative_to(empty_workspace)
    assert contents(shipped.path) == before


@pytest.fixture
def patched(monkeypatch) -> None:
    """Let random predictions stand for those of the model."""

    def predict(model, dataset, split, on_progress, exclusions):
        made = drawn(dataset, split)
        if exclusions is None:
            return made
        left_out = {"exclusion": exclusions.name, "exclusion_fingerprint": exclusions.fingerprint}
        return replace(made, **left_out)

    monkeypatch.setattr("pipeline.evaluation.evaluate.predict_split", predict)


def test_evaluating_the_choosing_split_fits_the_temperature(run, dataset, patched):
    evaluate(run, dataset, dataset.choosing_split())

    found = run.calibration()
    assert (found.fingerprint, found.split, found.faces) == (dataset.fingerprint, "held_out", 60)
    assert found.temperature == fit_temperature(drawn(dataset))


@pytest.mark.parametrize("split", ["train", "test"])
def test_evaluating_another_split_fits_no_temperature(run, dataset, patched, split):
    evaluate(run, dataset, split)

    assert run.calibration() is None


@pytest.mark.parametrize("ids", [["f1"], []], ids=["some", "none-yet"])
def test_evaluating_without_a_list_fits_no_temperature(run, dataset, patched, ids):
    evaluate(run, dataset, "held_out", exclusions=ExclusionList("few", dict.fromkeys(ids, "")))

    assert run.calibration() is None


def test_evaluating_on_other_data_than_it_was_trained_on_fits_no_temperature(run, patched):
    other = make_dataset("other", n=70)

    evaluate(run, other, other.choosing_split())

    assert run.calibration() is None


def test_evaluating_a_shipped_model_leaves_its_folder_as_it_was(shipped, dataset, patched):
    before = contents(shipped.path)

    evaluate(shipped, dataset, "held_out")

    assert shipped.calibration() is not None
    assert contents(shipped.path) == before


def test_the_temperature_fitted_here_goes_before_the_shipped_one(shipped, dataset, patched):
    brought = Calibration(temperature=7, dataset="faces", fingerprint="", split="test", faces=20)
    (shipped.path / "calibration.json").write_text(brought.model_dump_json())
    assert shipped.calibration() == brought

    evaluate(shipped, dataset, "held_out")
    assert shipped.calibration().split == "held_out"

    shipped.calibration_path.write_text("{")
    assert shipped.calibration() == brought


def test_evaluation_stores_the_interval_of_the_accuracy(run, dataset, patched):
    metrics = evaluate(run, dataset, "test")

    folder = run.evaluation_path(dataset.fingerprint, "test")
    stored = json.loads((folder / "metrics.json").read_text())
    low, high = stored["accuracy_interval"]
    assert low < stored["accuracy"] == metrics.accuracy < high
    assert list(stored["per_class"]) == list(EMOTIONS)
