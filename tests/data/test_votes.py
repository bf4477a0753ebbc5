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


def said(**counts) -> str:
    return MAJORITIES[majority(np.array([votes(**counts)], np.uint8))[0]]


@pytest.mark.parametrize("name", VOTES)
def test_a_majority_is_called_by_our_name_of_the_vote(name):
    ours = {"contempt": "contempt", "unknown": "unknown", "NF": "not a face"}.get(name)

    assert said(**{name: 6}) == (ours or EMOTIONS[label_of(name)])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"happiness": 6, "anger": 4}, "happy"),
        ({"happiness": 5, "anger": 5}, "no majority"),
        ({"happiness": 5, "anger": 3, "fear": 2}, "no majority"),
        ({"happiness": 5, "anger": 2, "fear": 2}, "happy"),
        ({"happiness": 255, "anger": 255}, "no majority"),
        ({"happiness": 1}, "happy"),
        ({}, "no majority"),
    ],
    ids=["most", "a tie", "just half", "more than half", "many", "a single vote", "no vote"],
)
def test_a_majority_is_more_than_half_of_the_votes(counts, expected):
    assert said(**counts) == expected


@pytest.mark.parametrize(
    ("counts", "share", "bits"),
    [
        ({"fear": 10}, 1, 0),
        ({"fear": 5, "anger": 5}, 0.5, 1),
        ({"fear": 200, "anger": 200}, 0.5, 1),
        ({name: 1 for name in VOTES}, 0.1, np.log2(10)),
        ({"fear": 8, "sadness": 1, "NF": 1}, 0.8, -0.8 * np.log2(0.8) - 0.2 * np.log2(0.1)),
        ({}, 0, 0),
    ],
    ids=["all agree", "two halves", "many", "all differ", "most agree", "no vote"],
)
def test_agreement_and_entropy(counts, share, bits):
    given = np.array([votes(**counts)], np.uint8)

    assert agreement(given)[0] == pytest.approx(share)
    assert entropy(given)[0] == pytest.approx(bits, rel=1e-5)
    assert agreement(given).dtype == entropy(given).dtype == np.float32


def test_a_label_is_doubted_by_a_majority_for_another_emotion_only():
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

    doubts = against_label(
        np.array(given, np.uint8), np.array([EMOTIONS.index(label) for label in labels], np.uint8)
    )
    assert doubts.tolist() == list(expected)


def test_no_faces_have_no_votes():
    none = np.zeros((0, len(VOTES)), np.uint8)

    for measure in (majority, agreement, entropy):
        assert measure(none).shape == (0,)


def test_emotion_shares_are_of_the_seven_emotions_in_their_order():
    faces = [votes(**{name: 10}) for name in VOTES]

    shares = emotion_shares(np.array(faces, np.uint8))

    expected = [label_of(name) for name in VOTES[:7]]
    assert shares[:7].argmax(axis=1).tolist() == expected
    assert shares.sum(axis=1).tolist() == [1] * 7 + [0] * 3


def test_emotion_shares_leave_other_votes_out_and_do_not_overflow():
    shares = emotion_shares(np.array([votes(fear=200, anger=200, contempt=9, NF=1)], np.uint8))

    assert shares[0].tolist() == [0.5, 0, 0.5, 0, 0, 0, 0]
