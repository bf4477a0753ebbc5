import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.label import leading_emotion
from tests.vision.conftest import shares


def happy_leads_by(points: float) -> np.ndarray:
    return shares(happy=0.4 + points / 200, sad=0.4 - points / 200)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_emotion_that_clearly_leads_is_the_label(emotion):
    assert leading_emotion(shares(**{emotion: 0.5})) == emotion


@pytest.mark.parametrize(
    ("points", "before", "label"),
    [
        pytest.param(10.1, None, "happy", id="ten points take it"),
        pytest.param(9.9, None, None, id="fewer do not"),
        pytest.param(10.1, "sad", "happy", id="ten points take it from another"),
        pytest.param(9.9, "sad", None, id="fewer neither take it nor leave it to the other"),
        pytest.param(5.1, "happy", "happy", id="five points keep it"),
        pytest.param(4.9, "happy", None, id="fewer lose it"),
        pytest.param(-5.1, "happy", None, id="another that leads a little is not told yet"),
        pytest.param(-10.1, "happy", "sad", id="another that leads clearly is told"),
        pytest.param(0.0, "happy", None, id="none leads"),
    ],
)
def test_a_label_needs_ten_points_to_come_and_five_to_stay(points, before, label):
    assert leading_emotion(happy_leads_by(points), before) == label


def test_the_lead_is_over_the_second_whichever_that_is():
    assert leading_emotion(shares(fear=0.45, neutral=0.30, angry=0.1)) == "fear"
    assert leading_emotion(shares(fear=0.45, neutral=0.30, angry=0.24)) == "fear"
    assert leading_emotion(shares(fear=0.38, neutral=0.30, angry=0.31)) is None


def told(leads: list[float]) -> list[str | None]:
    labels: list[str | None] = []
    for points in leads:
        labels.append(leading_emotion(happy_leads_by(points), labels[-1] if labels else None))
    return labels


def test_a_label_does_not_flicker_while_the_lead_swings_between_five_and_ten():
    swings = [9.5, 5.5] * 20
    assert set(told(swings)) == {None}
    assert set(told([12.0, *swings])) == {"happy"}


def test_a_label_that_was_lost_needs_ten_points_again():
    assert told([12.0, 6.0, 4.0, 6.0, 9.0, 11.0, 6.0]) == [
        "happy", "happy", None, None, None, "happy", "happy",
    ]  # fmt: skip


def test_equal_probabilities_have_no_label():
    assert leading_emotion(np.full(7, 1 / 7, np.float32), "happy") is None
