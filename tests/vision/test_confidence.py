import numpy as np
import pytest
from scipy.special import softmax

from pipeline.labels import EMOTIONS
from pipeline.vision.confidence import UNCERTAIN, choose_label, scale_probabilities
from tests.vision.conftest import probabilities

LOGITS = np.random.default_rng(1).normal(scale=3, size=(200, 7))
PROBABILITIES = softmax(LOGITS, axis=1).astype(np.float32)
TEMPERATURES = (0.05, 0.5, 1.0, 1.7, 20.0)


def test_scaled_probabilities_are_the_softmax_of_the_divided_logits_in_the_same_order():
    for temperature in TEMPERATURES:
        scaled = scale_probabilities(PROBABILITIES, temperature)
        assert (scaled.dtype, scaled.shape) == (np.float32, (200, 7))
        np.testing.assert_allclose(scaled, softmax(LOGITS / temperature, axis=1), atol=1e-5)
        np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(scaled.argmax(axis=1), PROBABILITIES.argmax(axis=1))


def test_temperature_1_changes_nothing_and_a_higher_one_lowers_the_confidence():
    np.testing.assert_allclose(scale_probabilities(PROBABILITIES, 1.0), PROBABILITIES, rtol=1e-6)
    back = scale_probabilities(scale_probabilities(PROBABILITIES, 3), 1 / 3)
    np.testing.assert_allclose(back, PROBABILITIES, atol=1e-5)
    highest = [scale_probabilities(PROBABILITIES, t).max(axis=1) for t in (0.5, 1.0, 2.0, 4.0)]
    assert all((warm < cool).all() for cool, warm in zip(highest, highest[1:], strict=False))


def test_zero_and_tiny_probabilities_stay_numbers_and_the_smallest_lead_stays():
    half = np.float32(0.5)
    cases = {
        "certain": np.eye(7)[:1],
        "two halves": [[0.5, 0.5, 0, 0, 0, 0, 0]],
        "uniform": np.full((1, 7), 1 / 7),
        "denormal": [[1e-30, 1] + 5 * [0]],
        "smallest lead": [[np.nextafter(half, np.float32(0)), half, 0, 0, 0, 0, 0]],
    }
    for case, row in cases.items():
        given = np.array(row, np.float32)
        for temperature in TEMPERATURES[:3] if case == "smallest lead" else TEMPERATURES:
            scaled = scale_probabilities(given, temperature)
            assert np.isfinite(scaled).all() and scaled.sum() == pytest.approx(1), case
            assert scaled.argmax() == given.argmax(), (case, temperature)


def happy_leads_by(points: float) -> np.ndarray:
    return probabilities(happy=0.4 + points / 200, sad=0.4 - points / 200)


def test_a_new_label_needs_a_lead_of_ten_points_and_the_previous_one_five():
    for points, previous, label in (
        (10.1, UNCERTAIN, "happy"),
        (9.9, UNCERTAIN, UNCERTAIN),
        (10.1, "sad", "happy"),
        (9.9, "sad", UNCERTAIN),
        (5.1, "happy", "happy"),
        (4.9, "happy", UNCERTAIN),
        (-5.1, "happy", UNCERTAIN),
        (-10.1, "happy", "sad"),
        (0.0, "happy", UNCERTAIN),
    ):
        assert choose_label(happy_leads_by(points), previous) == label, (points, previous)
    assert choose_label(np.full(7, 1 / 7, np.float32), "happy") == UNCERTAIN
    for emotion in EMOTIONS:
        assert choose_label(probabilities(**{emotion: 0.5})) == emotion


def test_the_lead_is_over_the_second_emotion_whichever_it_is():
    for fear, angry, label in ((0.45, 0.1, "fear"), (0.45, 0.24, "fear"), (0.38, 0.31, UNCERTAIN)):
        assert choose_label(probabilities(fear=fear, neutral=0.3, angry=angry)) == label, angry


def test_a_label_does_not_flicker_while_the_lead_swings_between_five_and_ten_points():
    swings = [9.5, 5.5] * 20
    assert set(labels(swings)) == {UNCERTAIN}
    assert set(labels([12.0, *swings])) == {"happy"}
    lost = labels([12.0, 6.0, 4.0, 6.0, 9.0, 11.0, 6.0])
    assert lost == ["happy"] * 2 + [UNCERTAIN] * 3 + ["happy"] * 2


def labels(leads: list[float]) -> list[str]:
    """Return the labels of a face in one frame after another."""
    found = [UNCERTAIN]
    for points in leads:
        found.append(choose_label(happy_leads_by(points), found[-1]))
    return found[1:]
