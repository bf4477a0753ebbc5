import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box
from pipeline.vision.track import Track
from tests.vision.conftest import shares

LEFT = Box(0, 0, 100, 100)
PICTURE = np.zeros((48, 48), np.uint8)
HAPPY, SAD = shares(happy=1.0), shares(sad=1.0)


def test_smoothing_goes_by_time_not_by_pictures():
    seldom, often = Track(LEFT, 0.0), Track(LEFT, 0.0)
    for track in (seldom, often):
        track.observe(PICTURE, HAPPY, 0.0, 0.4)
    seldom.observe(PICTURE, SAD, 0.4, 0.4)
    for now in np.linspace(0.1, 0.4, 4):
        often.observe(PICTURE, SAD, now, 0.4)
    assert seldom.probabilities == pytest.approx(often.probabilities, abs=1e-6)
    assert seldom.probabilities[EMOTIONS.index("happy")] == pytest.approx(np.exp(-1), abs=1e-6)


def test_smoothed_probabilities_stay_probabilities():
    track = Track(LEFT, 0.0)
    for i, emotion in enumerate(EMOTIONS):
        track.observe(PICTURE, shares(**{emotion: 0.7}), 0.05 * i, 0.4)
        assert track.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert track.probabilities.dtype == np.float32


def test_without_smoothing_the_last_picture_counts():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, HAPPY, 0.0, 0.0)
    track.observe(PICTURE + 1, SAD, 0.1, 0.0)
    np.testing.assert_array_equal(track.probabilities, SAD)
    np.testing.assert_array_equal(track.picture, PICTURE + 1)


def test_smoothing_that_is_switched_off_counts_from_the_next_picture():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, HAPPY, 0.0, 9.0)
    track.observe(PICTURE, SAD, 0.1, 0.0)
    np.testing.assert_array_equal(track.probabilities, SAD)


def test_what_was_forgotten_has_no_part_in_what_comes():
    track = Track(LEFT, 0.0, number=7)
    track.observe(PICTURE, HAPPY, 0.0, 9.0)
    track.emotion, track.activation = "happy", np.ones((6, 6), np.float32)
    track.forget()
    assert (track.emotion, track.activation) == (None, None)
    track.observe(PICTURE, SAD, 0.01, 9.0)
    np.testing.assert_array_equal(track.probabilities, SAD)
    assert track.number == 7
