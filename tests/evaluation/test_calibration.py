import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.data.exclusions import ExclusionList
from pipeline.evaluation.calibration import (
    MIN_FACES,
    N_BINS,
    apply_temperature,
    calibrate,
    confidence_bins,
    cross_fitted,
    fit_temperature,
    log_loss,
    reliability,
)
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Calibration, Run, Speed, find_model
from tests.evaluation.makers import (
    KINDS_OF_PREDICTIONS,
    all_correct,
    make_dataset,
    make_predictions,
    make_run,
    one_hot,
    random_predictions,
)


def calibrated(n: int, seed=0) -> Predictions:
    """Calibrated predictions: labels are sampled from the probabilities."""
    rng = np.random.default_rng(seed)
    shares = random_predictions(n, seed=seed, skill=2.0).probabilities
    sampled = shares.cumsum(axis=1) > rng.random((n, 1)) * shares.sum(axis=1, keepdims=True)
    return make_predictions(sampled.argmax(axis=1), shares)


def test_calibration_error_and_bins_are_those_of_a_loop():
    none = make_predictions([], np.empty((0, 7)))
    for name, predictions in {**KINDS_OF_PREDICTIONS, "no face": none}.items():
        found, n, error = reliability(predictions), len(predictions), 0.0
        confidence = predictions.confidence.astype(float)
        for number in range(N_BINS):
            low, high = number / N_BINS, (number + 1) / N_BINS
            rows = [i for i in range(n) if low < confidence[i] <= high]
            assert found.faces[number] == len(rows), name
            if not rows:
                assert np.isnan([found.confidence[number], found.accuracy[number]]).all()
                continue
            accuracy = predictions.correct[rows].mean()
            assert found.confidence[number] == pytest.approx(confidence[rows].mean())
            assert found.accuracy[number] == pytest.approx(accuracy)
            error += len(rows) / n * abs(confidence[rows].mean() - accuracy)
        assert found.faces.sum() == n
        assert found.ece == pytest.approx(error), name


def test_the_first_and_the_last_bin_hold_the_ends():
    confidence = np.array([0, 1e-9, 0.99 / N_BINS, 1.01 / N_BINS, 0.99, 1], np.float32)

    assert confidence_bins(confidence).tolist() == [0, 0, 0, 1, N_BINS - 1, N_BINS - 1]


def test_log_loss_at_temperature_1_is_that_of_scikit_learn():
    for name, predictions in KINDS_OF_PREDICTIONS.items():
        probabilities = predictions.probabilities.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        expected = sk.log_loss(predictions.y_true, probabilities, labels=range(7))
        assert log_loss(predictions) == pytest.approx(expected, abs=1e-6), name


def test_the_temperature_of_a_sharpened_model_is_recovered():
    for temperature in (0.3, 0.8, 1.0, 1.5, 4.0):
        sharpened = apply_temperature(calibrated(20_000), 1 / temperature)
        assert fit_temperature(sharpened) == pytest.approx(temperature, rel=0.04)


def test_the_fitted_temperature_has_the_lowest_log_loss():
    cases = [
        *((0, 0, 5), (1, 0, 0.2), (2, 1, 1), (3, 1, 5), (4, 1, 0.2), (5, 4, 1), (6, 4, 5)),
        (7, 4, 0.2),
    ]
    for seed, skill, temperature in cases:
        predictions = apply_temperature(random_predictions(60, seed=seed, skill=skill), temperature)
        fitted = fit_temperature(predictions)
        case = seed, skill, temperature
        assert fitted is not None, case
        lowest = min(log_loss(predictions, t) for t in np.geomspace(0.05, 20, 60))
        assert log_loss(predictions, fitted) <= log_loss(predictions) + 1e-9, case
        assert log_loss(predictions, fitted) <= lowest + 1e-3, case


def test_the_lowest_log_loss_is_found_though_some_mistakes_have_confidence_1():
    hesitant, certain = np.full((50, 7), 0.5 / 6), np.eye(7)[np.ones(50, int)]
    hesitant[:, 0] = 0.5
    predictions = make_predictions(np.zeros(100), np.concatenate([hesitant, certain]))
    temperature = fit_temperature(predictions)

    assert temperature is not None
    assert log_loss(predictions, temperature) <= log_loss(predictions, 20.0) + 1e-3


def test_a_temperature_needs_twenty_faces_and_a_mistake():
    for predictions in (*(random_predictions(n) for n in (0, 1, MIN_FACES - 1)), all_correct(100)):
        assert fit_temperature(predictions) is None
        assert cross_fitted(predictions) is None
    assert fit_temperature(random_predictions(MIN_FACES)) is not None
    assert cross_fitted(random_predictions(MIN_FACES * 5 // 4 - 1)) is None
    assert cross_fitted(random_predictions(MIN_FACES * 5 // 4)) is not None


def test_a_single_mistake_gives_a_temperature_but_none_to_its_own_fold():
    right = all_correct(100)
    labels = right.y_true.copy()
    labels[7] = (labels[7] + 1) % 7
    predictions = make_predictions(labels, right.probabilities)

    assert fit_temperature(predictions) is not None
    assert cross_fitted(predictions) is None


def test_cross_fitting_changes_only_probabilities_which_stay_finite_and_repeats():
    sharpened = (apply_temperature(random_predictions(300), t) for t in (0.2, 1, 5))
    for predictions in (*sharpened, *(one_hot(60, seed, skill=2.0) for seed in range(3))):
        scaled, again = cross_fitted(predictions), cross_fitted(predictions)
        for name in ("predicted", "ids", "y_true"):
            np.testing.assert_array_equal(getattr(scaled, name), getattr(predictions, name))
        np.testing.assert_array_equal(scaled.probabilities, again.probabilities)
        assert np.isfinite(scaled.probabilities).all()
        temperature = fit_temperature(predictions)
        assert np.isfinite(
            [temperature, log_loss(predictions, temperature), log_loss(scaled)]
        ).all()


def test_cross_fitting_scales_each_fold_by_one_temperature_of_about_the_right_size():
    predictions = apply_temperature(calibrated(4000), 1 / 3)
    scaled = cross_fitted(predictions)

    assert scaled is not None
    before, after = (np.log(p.probabilities.astype(np.float64)) for p in (predictions, scaled))
    used = np.ptp(before, axis=1) / np.ptp(after, axis=1)
    assert 1 < len(np.unique(used.round(3))) <= 5
    np.testing.assert_allclose(used, 3, rtol=0.1)
    assert reliability(scaled).ece < reliability(predictions).ece / 3


def test_the_label_of_a_face_does_not_affect_its_own_scaling():
    predictions = random_predictions(100)
    scaled = cross_fitted(predictions)
    for face in (0, 50, 99):
        labels = predictions.y_true.copy()
        labels[face] = (labels[face] + 1) % 7
        other = cross_fitted(make_predictions(labels, predictions.probabilities))

        assert (other.probabilities[face] == scaled.probabilities[face]).all()
        assert not np.array_equal(other.probabilities, scaled.probabilities)


@pytest.fixture
def dataset():
    return make_dataset()


@pytest.fixture
def run(dataset) -> Run:
    return make_run(dataset, evaluated=False)


SPEED = Speed(
    ms=1.5, p95_ms=2.0, threads=2, precision="default", processor="p", measured="2026-01-01"
)


def sampled(dataset, split="held_out", n=60) -> Predictions:
    names = {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "split": split}
    return random_predictions(n, **names)


def test_temperature_and_speed_are_stored_with_the_run_until_it_is_trained_further(run, dataset):
    predictions = sampled(dataset)
    calibration = calibrate(run, predictions)
    run.write_speed(SPEED)

    assert json.loads((run.path / "calibration.json").read_text()) == {
        "temperature": fit_temperature(predictions),
        "dataset": "faces",
        "fingerprint": dataset.fingerprint,
        "split": "held_out",
        "faces": 60,
    }
    assert (run.calibration(), run.speed()) == (calibration, SPEED)
    assert run.speed_path == run.path / "speed.json"

    run.invalidate_results()
    assert run.calibration() is None and run.speed() is None


def test_without_a_temperature_nothing_is_stored(run, dataset):
    assert calibrate(run, sampled(dataset, n=MIN_FACES - 1)) is None
    assert calibrate(run, all_correct(60)) is None
    assert run.calibration() is None and not run.calibration_path.exists()


def test_a_missing_or_damaged_temperature_or_speed_is_none(run):
    valid = {"dataset": "d", "fingerprint": "f", "split": "test", "faces": 20}
    bad = [json.dumps({**valid, "temperature": t}).encode() for t in (0, float("nan"))]
    for content in (None, b"", b"{", b"[]", b"\xff", b"{}", b'{"temperature": 2}', *bad):
        if content is not None:
            run.calibration_path.write_bytes(content)
            run.speed_path.write_bytes(content)
        assert run.calibration() is None and run.speed() is None, content
    run.speed_path.write_text('{"ms": 1.0}')
    assert run.speed() is None


@pytest.fixture
def bundled(run, tmp_path, monkeypatch) -> Run:
    """Return the run as a model of a zoo of its own."""
    for module in ("store", "run"):
        monkeypatch.setattr(f"pipeline.runs.{module}.ZOO", tmp_path / "zoo")
    shutil.move(run.path, tmp_path / "zoo" / "small")
    return find_model("small")


@pytest.fixture
def fast_predictions(monkeypatch) -> None:
    """Make `evaluate` take random predictions in place of a model's."""

    def predict(model, dataset, split, on_progress, exclusions):
        given_names = {}
        if exclusions is not None:
            given_names = {"exclusion_fingerprint": exclusions.fingerprint}
        names = {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "split": split}
        return random_predictions(60, model=model.name, **names, **given_names)

    monkeypatch.setattr("pipeline.evaluation.evaluate.predict_split", predict)


def test_only_all_faces_of_the_choosing_split_fit_the_temperature(run, dataset, fast_predictions):
    for split, ids in (("train", None), ("test", None), ("held_out", ["f1"]), ("held_out", [])):
        exclusions = None if ids is None else ExclusionList("few", dict.fromkeys(ids, ""))
        evaluate(run, dataset, split, exclusions=exclusions)
        assert run.calibration() is None, (split, ids)
    other = make_dataset("other", n=70)  # not what the run was trained on
    evaluate(run, other, other.choosing_split())
    assert run.calibration() is None

    evaluate(run, dataset, dataset.choosing_split())
    found = run.calibration()
    assert (found.fingerprint, found.split, found.faces) == (dataset.fingerprint, "held_out", 60)
    assert found.temperature == fit_temperature(sampled(dataset))


def test_the_temperature_of_a_bundled_model_goes_to_the_workspace_and_takes_precedence(
    bundled, dataset, fast_predictions, empty_workspace
):
    provided = Calibration(temperature=7, dataset="faces", fingerprint="", split="test", faces=20)
    (bundled.path / "calibration.json").write_text(provided.model_dump_json())
    assert bundled.calibration() == provided

    def contents() -> dict[Path, bytes]:
        files = (path for path in bundled.path.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in files}

    before = contents()
    evaluate(bundled, dataset, "held_out")
    assert bundled.calibration().split == "held_out"
    assert bundled.calibration_path.is_relative_to(empty_workspace)
    assert contents() == before

    bundled.calibration_path.write_text("{")
    assert bundled.calibration() == provided
