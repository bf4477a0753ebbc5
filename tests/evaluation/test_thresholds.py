import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.thresholds import OUTCOMES, OperatingPoint, faces_at, operating_point
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import of_probabilities, random_predictions

SAD = EMOTIONS.index("sad")
EXACT = (0.0, 0.25, 0.5, 1.0)


def in_tenths(n=300, seed=0) -> Predictions:
    """Predictions whose probabilities are tenths, so that many are equal."""
    drawn = random_predictions(n, seed=seed)
    shares = drawn.probabilities.astype(np.float64)
    tenths = np.random.default_rng(seed).multinomial(10, shares / shares.sum(1, keepdims=True))
    return of_probabilities(drawn.y_true, tenths / 10)


def certain(n=300, seed=0) -> Predictions:
    """Predictions of 1 and 0 only."""
    drawn = random_predictions(n, seed=seed)
    return of_probabilities(drawn.y_true, np.eye(len(EMOTIONS))[drawn.predicted])


CASES = {
    "random": random_predictions(300, skill=2.0),
    "absent emotions": random_predictions(300, labels=(0, 3, 4)),
    "ties": in_tenths(),
    "certain": certain(),
    "one face": random_predictions(1),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def predictions(request) -> Predictions:
    return request.param


def thresholds(scores) -> list[float]:
    """Round thresholds, and stored probabilities as Python floats."""
    return [*EXACT, *map(float, np.unique(scores)[::29])]


def called(scores, threshold: float) -> list[bool]:
    return [float(score) >= threshold for score in scores]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_counts_are_those_of_scikit_learn_at_every_threshold(predictions, emotion):
    label = EMOTIONS.index(emotion)
    scores = predictions.probabilities[:, label]
    for threshold in thresholds(scores):
        matrix = sk.confusion_matrix(
            predictions.y_true == label, called(scores, threshold), labels=[False, True]
        )
        point = operating_point(predictions, emotion, threshold)
        assert [point.tn, point.fp, point.fn, point.tp] == matrix.ravel().tolist(), threshold


@pytest.mark.parametrize("emotion", ["angry", "disgust"])
def test_shares_are_those_of_scikit_learn_at_every_threshold(predictions, emotion):
    label = EMOTIONS.index(emotion)
    truth, scores = predictions.y_true == label, predictions.probabilities[:, label]
    for threshold in thresholds(scores):
        point, calls = operating_point(predictions, emotion, threshold), called(scores, threshold)
        assert point.precision == pytest.approx(sk.precision_score(truth, calls, zero_division=1))
        assert point.recall == pytest.approx(sk.recall_score(truth, calls, zero_division=0))
        assert point.f1 == pytest.approx(sk.f1_score(truth, calls, zero_division=0))
        others = sk.recall_score(~truth, np.logical_not(calls), zero_division=1)
        assert point.fpr == pytest.approx(1 - others)


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.6, 0.7, 0.9])
def test_a_face_with_just_the_threshold_is_called(threshold):
    share = (1 - threshold) / 6
    probabilities = np.where(np.arange(7) == SAD, threshold, share)[np.newaxis]

    at = operating_point(of_probabilities([SAD], probabilities), "sad", threshold)
    above = operating_point(of_probabilities([SAD], probabilities), "sad", threshold + 1e-6)

    assert (at.tp, at.fn) == (1, 0)
    assert (above.tp, above.fn) == (0, 1)


def test_threshold_0_calls_every_face_and_1_only_the_certain_ones(predictions):
    faces = int((predictions.y_true == SAD).sum())
    everything = operating_point(predictions, "sad", 0)
    surest = operating_point(predictions, "sad", 1)

    assert (everything.tp, everything.fn, everything.tn) == (faces, 0, 0)
    assert surest.tp + surest.fp == (predictions.probabilities[:, SAD] == 1).sum()


def test_shares_of_nothing():
    point = OperatingPoint("sad", 0.5, tp=0, fp=0, fn=0, tn=0)

    assert (point.precision, point.recall, point.fpr, point.f1) == (1, 0, 0, 0)


@pytest.mark.parametrize("threshold", [*EXACT, 0.1, 0.3])
def test_outcomes_part_the_faces_and_have_the_counts_of_the_point(predictions, threshold):
    outcomes = [faces_at(predictions, "sad", threshold, outcome) for outcome in OUTCOMES]
    point = operating_point(predictions, "sad", threshold)
    faces = np.concatenate(outcomes)

    assert [len(each) for each in outcomes] == [point.tp, point.fp, point.fn]
    assert len(np.unique(faces)) == len(faces) == len(predictions) - point.tn


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_has_the_right_faces_the_nearest_to_the_threshold_first(outcome):
    predictions, threshold = CASES["random"], 0.25
    faces = faces_at(predictions, "sad", threshold, outcome)
    scores = predictions.probabilities[:, SAD]
    is_it, call = predictions.y_true == SAD, scores >= 0.25

    expected = {"found": is_it & call, "false alarms": ~is_it & call, "missed": is_it & ~call}
    assert sorted(faces) == np.flatnonzero(expected[outcome]).tolist()
    assert len(faces) > 1 and (np.diff(np.abs(scores[faces] - threshold)) >= 0).all()


def test_faces_equally_near_stay_in_order():
    predictions = CASES["certain"]

    for outcome in OUTCOMES:
        faces = faces_at(predictions, "sad", 0.5, outcome)
        assert len(faces) > 1 and (np.diff(faces) > 0).all()
