import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.evaluation.curves import (
    OUTCOMES,
    OperatingPoint,
    faces_with_outcome,
    operating_point,
    precision_recall_curves,
    roc_curves,
)
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import KINDS_OF_PREDICTIONS, make_predictions, random_predictions

SAD = EMOTIONS.index("sad")


@pytest.fixture(params=KINDS_OF_PREDICTIONS.values(), ids=KINDS_OF_PREDICTIONS.keys())
def predictions(request) -> Predictions:
    return request.param


def against_the_rest(predictions: Predictions, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth and score of an emotion, or of all face-emotion pairs."""
    truth = predictions.y_true[:, np.newaxis] == np.arange(len(EMOTIONS))
    if name == "micro":
        return truth.ravel(), predictions.probabilities.ravel()
    label = EMOTIONS.index(name)
    return truth[:, label], predictions.probabilities[:, label]


def test_precision_recall_curves_are_those_of_scikit_learn(predictions):
    curves = precision_recall_curves(predictions)
    assert curves[-1].name == "micro"
    for curve in curves:
        truth, scores = against_the_rest(predictions, curve.name)
        expected = sk.average_precision_score(truth, scores)
        assert curve.average_precision == pytest.approx(expected), curve.name
        assert (curve.recall[0], curve.precision[0], curve.thresholds[0]) == (0, 1, np.inf)
        assert curve.recall[-1] == 1
        assert curve.precision[-1] == pytest.approx(curve.prevalence)
        assert curve.prevalence == truth.mean()
        assert (np.diff(curve.recall) >= 0).all() and (np.diff(curve.thresholds) < 0).all()
        assert len(curve.recall) == len(curve.precision) == len(curve.thresholds)


def test_roc_curves_rise_from_corner_to_corner(predictions):
    for curve in roc_curves(predictions):
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(curve.fpr) >= 0).all() and (np.diff(curve.tpr) >= 0).all()
        tolerance = 0.01 if curve.name == "macro" else 1e-6
        area = np.trapezoid(curve.tpr, curve.fpr)
        assert curve.auc == pytest.approx(area, abs=tolerance), curve.name
        assert (len(curve.thresholds) == 0) == (curve.name == "macro")


def test_points_of_curves_are_what_their_thresholds_give(predictions):
    for curve in precision_recall_curves(predictions):
        if curve.name in EMOTIONS:
            for recall, precision, threshold in zip(
                curve.recall, curve.precision, curve.thresholds, strict=True
            ):
                point = operating_point(predictions, curve.name, float(threshold))
                assert (point.recall, point.precision) == pytest.approx((recall, precision))
    for roc in roc_curves(predictions):
        if roc.name in EMOTIONS:
            assert roc.thresholds[0] == np.inf
            for fpr, tpr, threshold in zip(roc.fpr, roc.tpr, roc.thresholds, strict=True):
                point = operating_point(predictions, roc.name, float(threshold))
                assert (point.fpr, point.recall) == pytest.approx((fpr, tpr))


def test_points_of_micro_curves_count_all_face_emotion_pairs(predictions):
    truth, scores = against_the_rest(predictions, "micro")
    roc, curve = roc_curves(predictions)[-1], precision_recall_curves(predictions)[-1]
    assert (roc.name, curve.name) == ("micro", "micro")
    for tpr, threshold in zip(roc.tpr, roc.thresholds, strict=True):
        assert tpr == pytest.approx((truth & (scores >= threshold)).sum() / truth.sum())
    for precision, threshold in zip(curve.precision[1:], curve.thresholds[1:], strict=True):
        assert precision == pytest.approx(truth[scores >= threshold].mean())


def test_emotions_that_no_face_or_every_face_has_have_no_curve():
    for labels, names in (
        (range(7), [*EMOTIONS, "micro"]),
        ((0, 3, 4), ["angry", "happy", "sad", "micro"]),
        ((3,), ["micro"]),
    ):
        predictions = random_predictions(100, labels=labels)
        assert [curve.name for curve in precision_recall_curves(predictions)] == names
    none = make_predictions([], np.empty((0, 7)))
    assert precision_recall_curves(none) == roc_curves(none) == []


def test_operating_points_are_those_of_scikit_learn(predictions):
    for label, emotion in enumerate(EMOTIONS):
        truth, scores = against_the_rest(predictions, emotion)
        for threshold in (0.0, 0.25, 0.5, 1.0, *map(float, np.unique(scores)[::29])):
            positive = [float(score) >= threshold for score in scores]
            point = operating_point(predictions, emotion, threshold)
            matrix = sk.confusion_matrix(truth, positive, labels=[False, True])
            case = emotion, threshold
            assert [point.tn, point.fp, point.fn, point.tp] == matrix.ravel().tolist(), case
            if label > 1:  # scikit-learn is slow
                continue
            precision = sk.precision_score(truth, positive, zero_division=1)
            specificity = sk.recall_score(~truth, np.logical_not(positive), zero_division=1)
            assert point.precision == pytest.approx(precision), case
            assert point.recall == pytest.approx(sk.recall_score(truth, positive, zero_division=0))
            assert point.f1 == pytest.approx(sk.f1_score(truth, positive, zero_division=0)), case
            assert point.fpr == pytest.approx(1 - specificity), case


def test_a_probability_equal_to_the_threshold_is_positive():
    for threshold in (0.1, 0.2, 0.3, 0.6, 0.7, 0.9):
        row = np.where(np.arange(7) == SAD, threshold, (1 - threshold) / 6)
        face = make_predictions([SAD], row[np.newaxis])
        assert operating_point(face, "sad", threshold).tp == 1, threshold
        assert operating_point(face, "sad", threshold + 1e-6).fn == 1, threshold


def test_an_operating_point_without_faces_has_defined_ratios():
    point = OperatingPoint("sad", 0.5, tp=0, fp=0, fn=0, tn=0)
    assert (point.precision, point.recall, point.fpr, point.f1) == (1, 0, 0, 0)


def test_outcomes_hold_the_faces_of_the_point_nearest_to_the_threshold_first(predictions):
    scores, truth = predictions.probabilities[:, SAD], predictions.y_true == SAD
    for threshold in (0.0, 0.1, 0.25, 0.3, 0.5, 1.0):
        positive = scores >= np.float32(threshold)
        point = operating_point(predictions, "sad", threshold)
        for outcome, mask, count in zip(
            OUTCOMES,
            (truth & positive, ~truth & positive, truth & ~positive),
            (point.tp, point.fp, point.fn),
            strict=True,
        ):
            faces = faces_with_outcome(predictions, "sad", threshold, outcome)
            assert sorted(faces) == np.flatnonzero(mask).tolist(), (outcome, threshold)
            assert len(faces) == count
            distances = np.abs(scores[faces] - threshold)
            assert (np.diff(distances) >= 0).all(), (outcome, threshold)
            equal = np.diff(distances) == 0
            assert (np.diff(faces)[equal] > 0).all(), "equally near faces keep their order"
