import json

import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.errors import UserError
from pipeline.evaluation.metrics import accuracy_interval, compute_metrics
from pipeline.evaluation.roc import roc_curves
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import of_probabilities, random_predictions

SUMMARY = [
    "model", "dataset", "split", "exclude", "n", "accuracy", "balanced_accuracy", "macro_f1",
    "weighted_f1", "top2_accuracy", "log_loss", "ece", "auc_macro", "auc_micro", "per_class",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_figures_agree_with_scikit_learn(seed):
    predictions = random_predictions(500, seed=seed)
    metrics = compute_metrics(predictions)
    y_true = predictions.y_true
    probabilities = predictions.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    y_pred = probabilities.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(y_true, y_pred),
        "balanced_accuracy": sk.balanced_accuracy_score(y_true, y_pred),
        "macro_f1": sk.f1_score(y_true, y_pred, average="macro"),
        "weighted_f1": sk.f1_score(y_true, y_pred, average="weighted"),
        "top2_accuracy": sk.top_k_accuracy_score(y_true, probabilities, k=2),
        "log_loss": sk.log_loss(y_true, probabilities),
        "auc_macro": sk.roc_auc_score(y_true, probabilities, multi_class="ovr"),
        "auc_micro": sk.roc_auc_score(y_true, probabilities, multi_class="ovr", average="micro"),
    }
    for name, value in expected.items():
        assert getattr(metrics, name) == pytest.approx(value, abs=1e-6), name
    assert np.array_equal(metrics.confusion, sk.confusion_matrix(y_true, y_pred))
    report = sk.classification_report(y_true, y_pred, target_names=EMOTIONS, output_dict=True)
    for emotion in EMOTIONS:
        figures = metrics.per_class[emotion]
        assert figures.recall == pytest.approx(report[emotion]["recall"])
        assert figures.precision == pytest.approx(report[emotion]["precision"])
        assert figures.f1 == pytest.approx(report[emotion]["f1-score"])
        assert figures.support == report[emotion]["support"]


def test_absent_emotions_do_not_count_in_the_averages():
    predictions = random_predictions(300, labels=(0, 3, 4), skill=2.0)
    metrics = compute_metrics(predictions)
    y_pred = predictions.probabilities.argmax(axis=1)
    assert metrics.macro_f1 == pytest.approx(
        sk.f1_score(predictions.y_true, y_pred, average="macro", zero_division=0)
    )
    recalls = [metrics.per_class[EMOTIONS[i]].recall for i in (0, 3, 4)]
    assert metrics.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert metrics.per_class["disgust"].support == 0
    names = [curve.name for curve in roc_curves(predictions)]
    assert names == ["angry", "happy", "sad", "macro", "micro"]
    areas = [
        sk.roc_auc_score(predictions.y_true == i, predictions.probabilities[:, i])
        for i in (0, 3, 4)
    ]
    assert metrics.auc_macro == pytest.approx(np.mean(areas))


def test_a_split_of_one_face_has_figures_but_no_auc():
    metrics = compute_metrics(random_predictions(1))
    assert metrics.n == 1
    assert metrics.auc_macro is None
    assert metrics.accuracy in (0.0, 1.0)
    assert json.loads(json.dumps(metrics.summary(), allow_nan=False))["auc_macro"] is None


def test_a_split_of_no_faces_is_refused():
    with pytest.raises(UserError, match="no faces"):
        compute_metrics(of_probabilities([], np.empty((0, 7))))


def test_ties_go_to_the_first_emotion_in_every_figure():
    metrics = compute_metrics(of_probabilities(range(7), np.full((7, 7), 1 / 7)))
    assert metrics.accuracy == pytest.approx(1 / 7)
    assert metrics.top2_accuracy == pytest.approx(2 / 7)
    assert metrics.auc_macro == pytest.approx(0.5)
    assert metrics.confusion[:, 0].sum() == 7


def test_calibration_error_is_the_weighted_gap_of_confidence_and_accuracy():
    probabilities = np.full((10, 7), 0.1 / 6)
    probabilities[:, 0] = 0.9
    y_true = [0] * 6 + [1] * 4
    assert compute_metrics(of_probabilities(y_true, probabilities)).ece == pytest.approx(0.3)


def test_a_certain_mistake_costs_much_but_not_infinitely():
    metrics = compute_metrics(of_probabilities([1], np.eye(7)[:1]))
    assert 30 < metrics.log_loss < 40


def test_summary_has_exactly_the_keys_of_the_command():
    summary = compute_metrics(random_predictions()).summary()
    assert list(summary) == SUMMARY
    assert set(summary["per_class"]["sad"]) == {"precision", "recall", "f1", "support"}


def test_accuracy_interval_holds_the_accuracy_and_repeats():
    predictions = random_predictions(400, skill=2.0)
    low, high = accuracy_interval(predictions)
    accuracy = compute_metrics(predictions).accuracy
    spread = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 400)
    assert low == pytest.approx(accuracy - spread, abs=0.01)
    assert high == pytest.approx(accuracy + spread, abs=0.01)
    assert accuracy_interval(predictions) == (low, high)


def test_roc_curves_rise_from_corner_to_corner():
    for curve in roc_curves(random_predictions()):
        assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
        assert (np.diff(curve.fpr) >= 0).all()
        assert (np.diff(curve.tpr) >= 0).all()
        assert curve.auc == pytest.approx(np.trapezoid(curve.tpr, curve.fpr), abs=0.01)
