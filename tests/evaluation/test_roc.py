import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.roc import precision_recall_curves, roc_curves
from pipeline.evaluation.thresholds import operating_point
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import of_probabilities, random_predictions
from tests.evaluation.test_thresholds import CASES


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def predictions(request) -> Predictions:
    return request.param


def against_the_rest(predictions: Predictions, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth and score of an emotion, or of all face-emotion pairs."""
    hits = predictions.y_true[:, np.newaxis] == np.arange(len(EMOTIONS))
    if name == "micro":
        return hits.ravel(), predictions.probabilities.ravel()
    label = EMOTIONS.index(name)
    return hits[:, label], predictions.probabilities[:, label]


def test_average_precision_is_that_of_scikit_learn(predictions):
    for curve in precision_recall_curves(predictions):
        expected = sk.average_precision_score(*against_the_rest(predictions, curve.name))
        assert curve.average_precision == pytest.approx(expected), curve.name


def test_micro_average_precision_is_that_of_scikit_learn(predictions):
    truth = np.eye(len(EMOTIONS))[predictions.y_true]
    expected = sk.average_precision_score(truth, predictions.probabilities, average="micro")

    assert precision_recall_curves(predictions)[-1].average_precision == pytest.approx(expected)


def test_precision_recall_curves_go_from_nothing_called_to_everything(predictions):
    for curve in precision_recall_curves(predictions):
        assert (curve.recall[0], curve.precision[0], curve.thresholds[0]) == (0, 1, np.inf)
        assert curve.recall[-1] == 1
        assert curve.precision[-1] == pytest.approx(curve.share)
        assert curve.share == against_the_rest(predictions, curve.name)[0].mean()
        assert (np.diff(curve.recall) >= 0).all() and (np.diff(curve.thresholds) < 0).all()
        assert len(curve.recall) == len(curve.precision) == len(curve.thresholds)


def test_a_point_of_a_precision_recall_curve_is_what_its_threshold_gives(predictions):
    for curve in precision_recall_curves(predictions)[:-1]:
        for recall, precision, threshold in zip(
            curve.recall, curve.precision, curve.thresholds, strict=True
        ):
            point = operating_point(predictions, curve.name, float(threshold))
            assert (point.recall, point.precision) == pytest.approx((recall, precision))


def test_a_point_of_a_roc_curve_is_what_its_threshold_gives(predictions):
    for curve in roc_curves(predictions):
        if curve.name in EMOTIONS:
            assert curve.thresholds[0] == np.inf
            for fpr, tpr, threshold in zip(curve.fpr, curve.tpr, curve.thresholds, strict=True):
                point = operating_point(predictions, curve.name, float(threshold))
                assert (point.fpr, point.recall) == pytest.approx((fpr, tpr))


def test_a_point_of_a_micro_curve_counts_all_pairs_of_faces_and_emotions(predictions):
    hits, scores = against_the_rest(predictions, "micro")
    roc, curve = roc_curves(predictions)[-1], precision_recall_curves(predictions)[-1]
    assert (roc.name, curve.name) == ("micro", "micro")
    for tpr, threshold in zip(roc.tpr, roc.thresholds, strict=True):
        assert tpr == pytest.approx((hits & (scores >= threshold)).sum() / hits.sum())
    for precision, threshold in zip(curve.precision[1:], curve.thresholds[1:], strict=True):
        assert precision == pytest.approx(hits[scores >= threshold].mean())


def test_the_macro_curve_has_no_thresholds():
    (macro,) = (curve for curve in roc_curves(CASES["random"]) if curve.name == "macro")

    assert len(macro.thresholds) == 0


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (range(7), [*EMOTIONS, "micro"]),
        ((0, 3, 4), ["angry", "happy", "sad", "micro"]),
        ((3,), ["micro"]),
    ],
    ids=["all", "three", "only one"],
)
def test_absent_emotions_and_one_that_all_faces_have_have_no_curve(labels, names):
    predictions = random_predictions(100, labels=labels)

    assert [curve.name for curve in precision_recall_curves(predictions)] == names


def test_no_faces_have_no_curve():
    nothing = of_probabilities([], np.empty((0, 7)))

    assert precision_recall_curves(nothing) == roc_curves(nothing) == []
