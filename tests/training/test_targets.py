import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import list_runs
from pipeline.training.faces import new_run
from pipeline.training.options import build_config
from pipeline.training.targets import training_targets
from tests.data.dataset_makers import make_faces, noise, store_faces, votes

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


def config(**fields):
    return build_config({}, {"dataset": "faces", **fields})


def shares(**fields) -> np.ndarray:
    targets = training_targets(config(**fields), VOTED)
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    return targets[:, [ANGRY, HAPPY, NEUTRAL]]


def test_labels_are_one_hot_whatever_was_voted():
    np.testing.assert_array_equal(shares(targets="labels"), [[1, 0, 0]] * 4)


def test_votes_count_for_the_seven_emotions_alone_and_a_face_without_any_keeps_its_label():
    expected = [[0, 0.8, 0.2], [0.25, 0.75, 0], [1, 0, 0], [1, 0, 0]]

    np.testing.assert_allclose(shares(targets="votes"), expected, rtol=1e-6)


def test_a_blend_lies_between_by_the_share_of_the_votes():
    expected = [[0.7, 0.24, 0.06], [0.775, 0.225, 0], [1, 0, 0], [1, 0, 0]]

    np.testing.assert_allclose(shares(targets="blend", vote_share="0.3"), expected, rtol=1e-6)
    np.testing.assert_array_equal(shares(targets="blend", vote_share="1"), shares(targets="votes"))


@pytest.mark.parametrize("targets", ["votes", "blend"])
def test_a_data_set_without_votes_is_refused_before_there_is_a_run(targets):
    store_faces([noise(0)])

    with pytest.raises(UserError, match="'faces' has no FER. votes .* take --targets labels"):
        new_run(config(targets=targets))
    assert list_runs() == []
    new_run(config(targets="labels"))


def test_an_unknown_teacher_is_refused_before_there_is_a_run():
    store_faces([noise(0)])

    with pytest.raises(UserError, match="Unknown model 'nobody'. Choose from: custom_cnn"):
        new_run(config(teacher="nobody"))
    assert list_runs() == []
