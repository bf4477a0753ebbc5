import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box
from pipeline.vision.track import Track

LEFT = Box(0, 0, 100, 100)
PICTURE = np.zeros((48, 48), np.uint8)


def sure_of(emotion: str, share: float = 1.0) -> np.ndarray:
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return np.float32([share if name == emotion else rest for name in EMOTIONS])


def test_smoothing_goes_by_time_not_by_pictures():
    seldom, often = Track(LEFT, 0.0), Track(LEFT, 0.0)
    for track in (seldom, often):
        track.observe(PICTURE, sure_of("happy"), 0.0, 0.4)
    seldom.observe(PICTURE, sure_of("sad"), 0.4, 0.4)
    for now in np.linspace(0.1, 0.4, 4):
        often.observe(PICTURE, sure_of("sad"), now, 0.4)
    assert seldom.probabilities == pytest.approx(often.probabilities, abs=1e-6)
    assert seldom.probabilities[EMOTIONS.index("happy")] == pytest.approx(np.exp(-1), abs=1e-6)


def test_without_smoothing_the_last_picture_counts():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, sure_of("happy"), 0.0, 0.0)
    track.observe(PICTURE, sure_of("sad"), 0.1, 0.0)
    assert track.emotion == "sad"
    assert track.probabilities.dtype == np.float32


def test_a_label_changes_only_when_another_clearly_leads():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, sure_of("happy", 0.5), 0.0, 0.0)
    barely = sure_of("happy", 0.44)
    barely[EMOTIONS.index("sad")] = 0.48
    track.observe(PICTURE, barely, 0.1, 0.0)
    assert track.emotion == "happy"
    track.observe(PICTURE, sure_of("sad", 0.6), 0.2, 0.0)
    assert track.emotion == "sad"
