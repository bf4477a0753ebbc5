import numpy as np
import pytest

from pipeline.data.dataset import VOTES
from pipeline.data.votes import (
    MAJORITIES,
    against_label,
    agreement,
    emotion_shares,
    entropy,
    majority,
)
from pipeline.labels import EMOTIONS, label_of
from tests.data.dataset_makers import votes


def majority_of(**counts) -> str:
    return MAJORITIES[majority(np.array([votes(**counts)], np.uint8))[0]]


def test_a_majority_is_more_than_half_of_the_votes_by_our_name():
    ours = {"contempt": "contempt", "unknown": "unknown", "NF": "not a face"}
    for name in VOTES:
        assert majority_of(**{name: 6}) == (ours.get(name) or EMOTIONS[label_of(name)])
    for counts, expected in (
        ({"happiness": 6, "anger": 4}, "happy"),
        ({"happiness": 5, "anger": 5}, "no majority"),
        ({"happiness": 5, "anger": 3, "fear": 2}, "no majority"),
        ({"happiness": 5, "anger": 2, "fear": 2}, "happy"),
        ({"happiness": 255, "anger": 255}, "no majority"),
        ({"happiness": 1}, "happy"),
        ({}, "no majority"),
    ):
        assert majority_of(**counts) == expected, counts


def test_agreement_and_entropy():
    for counts, share, bits in (
        ({"fear": 10}, 1, 0),
        ({"fear": 5, "anger": 5}, 0.5, 1),
        ({"fear": 200, "anger": 200}, 0.5, 1),
        ({name: 1 for name in VOTES}, 0.1, np.log2(10)),
        ({"fear": 8, "sadness": 1, "NF": 1}, 0.8, -0.8 * np.log2(0.8) - 0.2 * np.log2(0.1)),
        ({}, 0, 0),
    ):
        given = np.array([votes(**counts)], np.uint8)
        assert agreement(given)[0] == pytest.approx(share), counts
        assert entropy(given)[0] == pytest.approx(bits, rel=1e-5), counts
        assert agreement(given).dtype == entropy(given).dtype == np.float32


def test_only_a_majority_for_another_emotion_is_against_the_label():
    cases = [
        (votes(happiness=6, anger=4), "happy", False),
        (votes(happiness=6, anger=4), "angry", True),
        (votes(contempt=6, anger=4), "angry", True),
        (votes(unknown=6, anger=4), "angry", False),
        (votes(NF=6, anger=4), "angry", False),
        (votes(happiness=5, anger=5), "sad", False),
        (votes(), "sad", False),
    ]
    given, labels, expected = zip(*cases, strict=True)
    indices = np.array([EMOTIONS.index(label) for label in labels], np.uint8)
    assert against_label(np.array(given, np.uint8), indices).tolist() == list(expected)


def test_emotion_shares_are_of_the_seven_emotions_alone():
    shares = emotion_shares(np.array([votes(**{name: 10}) for name in VOTES], np.uint8))
    assert shares[:7].argmax(axis=1).tolist() == [label_of(name) for name in VOTES[:7]]
    assert shares.sum(axis=1).tolist() == [1] * 7 + [0] * 3

    mixed = emotion_shares(np.array([votes(fear=200, anger=200, contempt=9, NF=1)], np.uint8))
    assert mixed[0].tolist() == [0.5, 0, 0.5, 0, 0, 0, 0]


def test_no_faces_have_no_votes():
    for measure in (majority, agreement, entropy):
        assert measure(np.zeros((0, len(VOTES)), np.uint8)).shape == (0,)
