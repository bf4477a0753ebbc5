import numpy as np
import pytest

from pipeline.config.options import build_config
from pipeline.labels import EMOTIONS
from pipeline.training.targets import class_weights, training_targets
from tests.data.dataset_makers import make_faces, noise, votes

ANGRY, HAPPY, NEUTRAL = (EMOTIONS.index(emotion) for emotion in ("angry", "happy", "neutral"))
VOTED = make_faces(
    [noise(0)] * 4,
    labels=[ANGRY] * 4,
    votes=[
        votes(happiness=8, neutral=2),
        votes(happiness=3, anger=1, contempt=4, unknown=1, NF=1),
        votes(contempt=5, NF=5),
        votes(),
    ],
)
COUNTS = np.array([1, 1, 1, 4, 1, 1, 1])


def shares(**fields) -> np.ndarray:
    targets = training_targets(build_config({}, {"dataset": "faces", **fields}), VOTED)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    return targets[:, [ANGRY, HAPPY, NEUTRAL]]


def test_targets_are_labels_votes_or_a_blend_and_a_face_without_votes_keeps_its_label():
    label = [1, 0, 0]
    voted = [[0, 0.8, 0.2], [0.25, 0.75, 0], label, label]
    blend = [[0.7, 0.24, 0.06], [0.775, 0.225, 0], label, label]

    np.testing.assert_array_equal(shares(targets="labels"), [label] * 4)
    np.testing.assert_allclose(shares(targets="votes"), voted, rtol=1e-6)
    np.testing.assert_allclose(shares(targets="blend", vote_share="0.3"), blend, rtol=1e-6)
    np.testing.assert_array_equal(shares(targets="blend", vote_share="1"), shares(targets="votes"))


def test_class_weights_have_mean_one_over_the_faces():
    for scheme in ("none", "sqrt", "balanced", "given"):
        weights = class_weights(COUNTS, scheme, given=(3, 1, 2, 5, 1, 1, 1))
        assert (weights * COUNTS).sum() == pytest.approx(COUNTS.sum()), scheme


def test_class_weights_are_given_or_inverse_to_the_counts_or_to_their_roots():
    given = (1, 5, 1, 0.5, 2, 1, 1)
    weights = class_weights(COUNTS, "given", given)
    np.testing.assert_allclose(weights / weights[0], given, rtol=1e-6)

    balanced, sqrt = class_weights(COUNTS, "balanced"), class_weights(COUNTS, "sqrt")
    assert balanced[0] / balanced[3] == pytest.approx(4)
    assert sqrt[0] / sqrt[3] == pytest.approx(2)
    assert class_weights(COUNTS, "none").tolist() == [1] * 7
    two = class_weights(np.array([2, 1, 0, 0, 0, 0, 0]), "balanced")
    assert two[2:].tolist() == [0] * 5 and np.isfinite(two).all()
