import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.evaluation.calibration import (
    BINS,
    FEWEST,
    at_temperature,
    bins_of,
    cross_fitted,
    fit_temperature,
    log_loss,
    reliability,
)
from pipeline.evaluation.predictions import Predictions
from tests.evaluation.makers import all_right, of_probabilities, random_predictions

CASES = {
    "random": random_predictions(300),
    "skilled": random_predictions(300, skill=4.0),
    "absent emotions": random_predictions(300, labels=(0, 3, 4)),
    "ties": of_probabilities(range(7), np.full((7, 7), 1 / 7)),
    "certain": of_probabilities([0, 1, 2, 2], np.eye(7)[:4]),
    "one face": random_predictions(1),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def predictions(request) -> Predictions:
    return request.param


def calibrated(n: int, seed=0) -> Predictions:
    """Predictions whose labels are drawn from the probabilities: as sure as they are right."""
    rng = np.random.default_rng(seed)
    shares = random_predictions(n, seed=seed, skill=2.0).probabilities
    drawn = (shares.cumsum(axis=1) > rng.random((n, 1)) * shares.sum(axis=1, keepdims=True)).argmax(
        axis=1
    )
    return of_probabilities(drawn, shares)


def one_hot(n: int, seed=0) -> Predictions:
    drawn = random_predictions(n, seed=seed, skill=2.0)
    return of_probabilities(drawn.y_true, np.eye(7)[drawn.predicted])


def test_the_leading_emotion_its_probability_and_whether_it_is_right(predictions):
    probabilities = predictions.probabilities

    assert predictions.predicted.tolist() == [row.argmax() for row in probabilities]
    assert predictions.confidence.tolist() == [row.max() for row in probabilities]
    assert predictions.right.mean() == sk.accuracy_score(
        predictions.y_true, predictions.probabilities.argmax(axis=1)
    )


def test_calibration_error_and_bins_are_those_of_a_loop(predictions):
    found, n, error = reliability(predictions), len(predictions), 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        mine = [i for i in range(n) if low < float(predictions.confidence[i]) <= high]
        assert found.faces[number] == len(mine)
        if not mine:
            assert np.isnan([found.confidence[number], found.accuracy[number]]).all()
            continue
        sure = np.mean([float(predictions.confidence[i]) for i in mine])
        right = np.mean([predictions.right[i] for i in mine])
        assert found.confidence[number] == pytest.approx(sure)
        assert found.accuracy[number] == pytest.approx(right)
        error += len(mine) / n * abs(sure - right)
    assert found.faces.sum() == n
    assert found.ece == pytest.approx(error)


def test_the_first_and_the_last_bin_hold_the_ends():
    confidence = np.array([0, 1e-9, 0.99 / BINS, 1.01 / BINS, 0.99, 1], np.float32)

    assert bins_of(confidence).tolist() == [0, 0, 0, 1, BINS - 1, BINS - 1]


def test_no_faces_are_no_calibration_error():
    found = reliability(of_probabilities([], np.empty((0, 7))))

    assert found.ece == 0 and found.faces.sum() == 0


def test_log_loss_at_temperature_1_is_that_of_scikit_learn(predictions):
    probabilities = predictions.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = sk.log_loss(predictions.y_true, probabilities, labels=range(7))

    assert log_loss(predictions) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.3, 0.8, 1.0, 1.5, 4.0])
def test_the_temperature_that_a_model_was_sharpened_by_is_found(temperature):
    sharpened = at_temperature(calibrated(20_000), 1 / temperature)

    assert fit_temperature(sharpened) == pytest.approx(temperature, rel=0.04)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("skill", [0, 1, 4])
@pytest.mark.parametrize("sharpened", [0.2, 1, 5])
def test_the_fitted_temperature_has_the_least_log_loss(seed, skill, sharpened):
    predictions = at_temperature(random_predictions(60, seed=seed, skill=skill), sharpened)
    temperature = fit_temperature(predictions)

    assert temperature is not None
    least = min(log_loss(predictions, t) for t in np.geomspace(0.05, 20, 60))
    assert log_loss(predictions, temperature) <= log_loss(predictions) + 1e-9
    assert log_loss(predictions, temperature) <= least + 1e-3


def test_the_least_log_loss_is_found_though_some_mistakes_are_certain():
    hesitant, certain = np.full((50, 7), 0.5 / 6), np.eye(7)[np.ones(50, int)]
    hesitant[:, 0] = 0.5
    predictions = of_probabilities(np.zeros(100), np.concatenate([hesitant, certain]))
    temperature = fit_temperature(predictions)

    assert temperature is not None
    assert log_loss(predictions, temperature) <= log_loss(predictions, 20.0) + 1e-3


@pytest.mark.parametrize("n", [0, 1, FEWEST - 1])
def test_too_few_faces_have_no_temperature(n):
    few = random_predictions(n)

    assert fit_temperature(few) is None
    assert cross_fitted(few) is None


def test_without_a_mistake_there_is_no_temperature():
    assert fit_temperature(all_right(100)) is None
    assert cross_fitted(all_right(100)) is None


def test_a_single_mistake_gives_a_temperature_and_none_to_its_own_fifth():
    right = all_right(100)
    labels = right.y_true.copy()
    labels[7] = (labels[7] + 1) % 7
    predictions = of_probabilities(labels, right.probabilities)

    assert fit_temperature(predictions) is not None
    assert cross_fitted(predictions) is None


def test_twenty_faces_have_a_temperature():
    assert fit_temperature(random_predictions(FEWEST)) is not None


def test_cross_fitting_needs_twenty_other_faces_for_each_fifth():
    assert cross_fitted(random_predictions(FEWEST * 5 // 4 - 1)) is None
    assert cross_fitted(random_predictions(FEWEST * 5 // 4)) is not None


@pytest.mark.parametrize("sharpened", [0.2, 1, 5])
def test_cross_fitting_keeps_what_each_face_is_called(sharpened):
    predictions = at_temperature(random_predictions(300), sharpened)
    scaled = cross_fitted(predictions)

    assert scaled is not None
    np.testing.assert_array_equal(scaled.predicted, predictions.predicted)
    np.testing.assert_array_equal(scaled.ids, predictions.ids)
    np.testing.assert_array_equal(scaled.y_true, predictions.y_true)
    assert len(np.unique(scaled.ids)) == 300


def test_cross_fitting_gives_the_same_each_time():
    predictions = random_predictions(100)
    scaled = [cross_fitted(predictions) for _ in range(2)]

    np.testing.assert_array_equal(scaled[0].probabilities, scaled[1].probabilities)


def test_cross_fitting_scales_each_fifth_by_one_temperature_of_about_the_right_size():
    predictions = at_temperature(calibrated(4000), 1 / 3)
    scaled = cross_fitted(predictions)

    assert scaled is not None
    before, after = (np.log(p.probabilities.astype(np.float64)) for p in (predictions, scaled))
    used = np.ptp(before, axis=1) / np.ptp(after, axis=1)
    assert 1 < len(np.unique(used.round(3))) <= 5
    np.testing.assert_allclose(used, 3, rtol=0.1)
    assert reliability(scaled).ece < reliability(predictions).ece / 3


def test_the_label_of_a_face_does_not_touch_its_own_scaling():
    predictions = random_predictions(100)
    scaled = cross_fitted(predictions)
    for face in (0, 50, 99):
        labels = predictions.y_true.copy()
        labels[face] = (labels[face] + 1) % 7
        other = cross_fitted(of_probabilities(labels, predictions.probabilities))

        assert (other.probabilities[face] == scaled.probabilities[face]).all()
        assert not np.array_equal(other.probabilities, scaled.probabilities)


@pytest.mark.parametrize("seed", range(3))
def test_zero_probabilities_give_numbers(seed):
    predictions = one_hot(60, seed)
    temperature = fit_temperature(predictions)
    scaled = cross_fitted(predictions)

    assert temperature is not None and scaled is not None
    assert np.isfinite([temperature, log_loss(predictions, temperature), log_loss(scaled)]).all()
    assert np.isfinite(scaled.probabilities).all()
    np.testing.assert_array_equal(scaled.predicted, predictions.predicted)
