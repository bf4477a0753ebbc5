from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.evaluation.target import Target, narrowed, stored_folder, training_twins
from pipeline.runs import Run
from tests.data.dataset_makers import make_faces, noise
from tests.evaluation.makers import FINGERPRINT, random_predictions

TARGET = Target("faces", FINGERPRINT, "test")
LISTED = ExclusionList("few", dict.fromkeys(["f1", "f4", "f99"], "by hand"))
WITHOUT = Target("faces", FINGERPRINT, "test", exclude="few")


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "m")


def store(run: Run, exclusions: ExclusionList | None = None) -> None:
    """Store an evaluation of ten faces, without those of a list."""
    made = random_predictions(10)
    if exclusions:
        left_out = {"exclusion": exclusions.name, "exclusion_fingerprint": exclusions.fingerprint}
        made = replace(made.without(np.array([*exclusions.reasons])), **left_out)
    save_predictions(made, run.evaluation_path(FINGERPRINT, "test", made.exclusion_fingerprint))


def test_some_faces_are_taken_by_mask_or_by_position():
    predictions = random_predictions(10)
    wanted = np.arange(10) % 3 == 1

    for chosen in (wanted, np.flatnonzero(wanted)):
        some = predictions.of(chosen)
        assert some.ids.tolist() == ["f1", "f4", "f7"]
        np.testing.assert_array_equal(some.y_true, predictions.y_true[[1, 4, 7]])
        np.testing.assert_array_equal(some.probabilities, predictions.probabilities[[1, 4, 7]])
        assert (some.model, some.split) == ("m", "test")
    assert predictions.of(np.array([4, 1])).ids.tolist() == ["f4", "f1"]


def test_what_a_part_is_called_is_its_own():
    predictions = random_predictions(10)
    assert len(predictions.predicted) == len(predictions.right) == len(predictions.confidence) == 10

    some = predictions.of(np.array([7, 2]))

    np.testing.assert_array_equal(some.predicted, predictions.predicted[[7, 2]])
    np.testing.assert_array_equal(some.right, predictions.right[[7, 2]])
    np.testing.assert_array_equal(some.confidence, predictions.confidence[[7, 2]])


@pytest.mark.parametrize(
    ("ids", "left"),
    [
        ([], 10),
        (["f3"], 9),
        (["f3", "f3", "f9"], 8),
        (["f", "f33", "a much longer id than any"], 10),
        ([f"f{i}" for i in range(10)], 0),
    ],
    ids=["none", "one", "twice", "of no face", "all"],
)
def test_faces_are_left_out_by_their_ids(ids, left):
    predictions = random_predictions(10)
    rest = predictions.without(np.array(ids, dtype="U"))

    assert len(rest) == left
    assert rest.ids.tolist() == [name for name in predictions.ids if name not in ids]


def test_training_twins_are_faces_of_other_splits_whose_picture_is_in_train():
    a, b, c, d = (noise(seed) for seed in range(4))
    images = [a, a, a, b, b, c, d, d, c]
    splits = ["train", "test", "validation", "test", "test", "test", "train", "train", "train"]

    assert training_twins(make_faces(images, splits=splits)).tolist() == ["f1", "f2", "f5"]


def test_a_changed_pixel_makes_no_training_twin():
    changed = noise(0)
    changed[20, 20] ^= 1

    dataset = make_faces([noise(0), changed], splits=["train", "test"])
    assert training_twins(dataset).tolist() == []


@pytest.mark.parametrize("splits", ["train", "test"])
def test_within_one_split_there_are_no_training_twins(splits):
    assert training_twins(make_faces([noise(0), noise(0)], splits=splits)).tolist() == []


def test_predictions_of_the_whole_split_go_before_those_without_the_list(run):
    assert stored_folder(run, WITHOUT, LISTED) is None

    store(run, LISTED)
    apart = stored_folder(run, WITHOUT, LISTED)
    assert apart == run.evaluation_path(FINGERPRINT, "test", LISTED.fingerprint)
    assert stored_folder(run, TARGET) is None

    store(run)
    whole = run.evaluation_path(FINGERPRINT, "test")
    assert stored_folder(run, WITHOUT, LISTED) == stored_folder(run, TARGET) == whole != apart


def test_predictions_of_another_list_split_or_data_set_do_not_serve(run):
    store(run, ExclusionList("few", {"f1": ""}))
    assert stored_folder(run, WITHOUT, LISTED) is None

    store(run)
    assert stored_folder(run, Target("faces", FINGERPRINT, "train")) is None
    assert stored_folder(run, Target("faces", "f" * 64, "test")) is None


def test_a_folder_without_predictions_does_not_serve(run):
    run.evaluation_path(FINGERPRINT, "test").mkdir(parents=True)

    assert stored_folder(run, TARGET) is None


def test_the_first_twelve_characters_of_a_fingerprint_are_enough(run):
    store(run)

    short = Target("faces", FINGERPRINT[:12], "test")
    assert stored_folder(run, short) == stored_folder(run, TARGET) is not None


def test_a_target_that_leaves_nothing_out_keeps_all():
    predictions = random_predictions(10)

    assert narrowed(predictions, TARGET) is predictions


def test_a_list_is_left_out_and_named():
    left = narrowed(random_predictions(10), WITHOUT, LISTED)

    assert len(left) == 8 and not {"f1", "f4"} & set(left.ids)
    assert (left.exclusion, left.exclusion_fingerprint) == ("few", LISTED.fingerprint)


@pytest.mark.parametrize("whole", [True, False], ids=["whole split", "without the list"])
def test_both_stored_evaluations_give_the_same_faces(run, whole):
    store(run, None if whole else LISTED)
    folder = stored_folder(run, WITHOUT, LISTED)

    left = narrowed(load_predictions(run, folder), WITHOUT, LISTED)

    assert left.ids.tolist() == ["f0", "f2", "f3", "f5", "f6", "f7", "f8", "f9"]
    assert (left.exclusion, left.exclusion_fingerprint) == ("few", LISTED.fingerprint)


def test_twins_are_left_out_alone_and_together_with_a_list():
    twins = np.array(["f4", "f5", "f77"])
    predictions = random_predictions(10)

    alone = narrowed(predictions, Target("faces", FINGERPRINT, "test", "", True), twins=twins)
    both = narrowed(predictions, WITHOUT, LISTED, twins)

    assert (len(alone), alone.exclusion) == (8, "")
    assert set(predictions.ids) - set(both.ids) == {"f1", "f4", "f5"}


def test_an_empty_list_leaves_nothing_out_and_is_named():
    left = narrowed(random_predictions(10), WITHOUT, ExclusionList("few", {}))

    assert (len(left), left.exclusion) == (10, "few")


@pytest.mark.parametrize("by", ["list", "twins", "both"])
def test_where_no_face_is_left_the_target_is_named(by):
    every = [f"f{i}" for i in range(10)]
    listed = {"list": every, "twins": [], "both": every[:5]}[by]
    twins = {"list": [], "twins": every, "both": every[5:]}[by]
    target = Target("faces", FINGERPRINT, "test", "few", without_twins=True)

    with pytest.raises(UserError, match=r"No face is left of faces, test, without the list 'few'"):
        narrowed(
            random_predictions(10),
            target,
            ExclusionList("few", dict.fromkeys(listed, "")),
            np.array(twins, dtype="U"),
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "faces, test"),
        ({"exclude": "few"}, "faces, test, without the list 'few'"),
        ({"without_twins": True}, "faces, test, without twins of training faces"),
        (
            {"exclude": "few", "without_twins": True},
            "faces, test, without the list 'few', without twins of training faces",
        ),
    ],
    ids=["all", "list", "twins", "both"],
)
def test_a_target_is_told_in_words(given, words):
    assert Target("faces", FINGERPRINT, "test", **given).words == words
