import json

import numpy as np
import pytest
import sklearn.metrics as sk

from pipeline.errors import UserError
from pipeline.evaluation.curves import roc_curves
from pipeline.evaluation.metrics import (
    accuracy_interval,
    compute_metrics,
    proportion_interval,
)
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import make_predictions, random_predictions

SUMMARY_KEYS = (
    "model dataset split exclude n accuracy balanced_accuracy macro_f1 weighted_f1 top2_accuracy "
    "log_loss ece auc_macro auc_micro per_class"
).split()


def test_metrics_agree_with_scikit_learn():
    predictions = random_predictions(500)
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
    for emotion, found in metrics.per_class.items():
        of_class = report[emotion]
        assert found.recall == pytest.approx(of_class["recall"])
        assert found.precision == pytest.approx(of_class["precision"])
        assert found.f1 == pytest.approx(of_class["f1-score"])
        assert found.support == of_class["support"]


def test_absent_emotions_do_not_count_in_the_averages():
    present = (0, 3, 4)
    predictions = random_predictions(300, labels=present, skill=2.0)
    metrics = compute_metrics(predictions)
    macro_f1 = sk.f1_score(
        predictions.y_true, predictions.predicted, average="macro", zero_division=0
    )
    recalls = [metrics.per_class[EMOTIONS[i]].recall for i in present]
    areas = [
        sk.roc_auc_score(predictions.y_true == i, predictions.probabilities[:, i]) for i in present
    ]
    assert metrics.macro_f1 == pytest.approx(macro_f1)
    assert metrics.balanced_accuracy == pytest.approx(np.mean(recalls))
    assert metrics.per_class["disgust"].support == 0
    assert metrics.auc_macro == pytest.approx(np.mean(areas))
    names = [curve.name for curve in roc_curves(predictions)]
    assert names == ["angry", "happy", "sad", "macro", "micro"]


def test_one_face_has_metrics_but_no_auc_and_no_face_has_none():
    metrics = compute_metrics(random_predictions(1))
    assert metrics.n == 1 and metrics.accuracy in (0.0, 1.0)
    assert metrics.auc_macro is None
    assert json.loads(json.dumps(metrics.summary(), allow_nan=False))["auc_macro"] is None
    with pytest.raises(UserError, match="no faces"):
        compute_metrics(make_predictions([], np.empty((0, 7))))


def test_ties_go_to_the_first_emotion_in_every_metric():
    metrics = compute_metrics(make_predictions(range(7), np.full((7, 7), 1 / 7)))
    assert metrics.accuracy == pytest.approx(1 / 7)
    assert metrics.top2_accuracy == pytest.approx(2 / 7)
    assert metrics.auc_macro == pytest.approx(0.5)
    assert metrics.confusion[:, 0].sum() == 7


def test_a_mistake_with_confidence_1_has_a_large_but_finite_log_loss():
    metrics = compute_metrics(make_predictions([1], np.eye(7)[:1]))
    assert 30 < metrics.log_loss < 40


def test_the_summary_has_exactly_the_documented_keys():
    summary = compute_metrics(random_predictions()).summary()
    assert list(summary) == SUMMARY_KEYS
    assert list(summary["per_class"]) == list(EMOTIONS)
    assert set(summary["per_class"]["sad"]) == {"precision", "recall", "f1", "support"}


def test_the_interval_of_a_proportion_is_wilsons_and_has_a_width():
    for successes, n, expected in (
        (5, 5, (0.566, 1.0)),
        (0, 20, (0.0, 0.161)),
        (210, 210, (0.982, 1.0)),
        (1, 1, (0.207, 1.0)),
        (14, 20, (0.481, 0.855)),
    ):
        assert proportion_interval(successes, n) == pytest.approx(expected, abs=5e-4)
        low, high = proportion_interval(successes, n)
        assert low <= successes / n <= high and high - low > 0.01
        mirrored = proportion_interval(n - successes, n)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


def test_the_accuracy_interval_holds_the_accuracy_and_repeats():
    predictions = random_predictions(400, skill=2.0)
    low, high = accuracy_interval(predictions)
    accuracy = compute_metrics(predictions).accuracy
    spread = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 400)
    assert low == pytest.approx(accuracy - spread, abs=0.01)
    assert high == pytest.approx(accuracy + spread, abs=0.01)
    assert accuracy_interval(predictions) == (low, high)
