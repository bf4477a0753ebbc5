from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.evaluation.subset import (
    EvaluationSubset,
    apply_subset,
    find_evaluation,
    training_duplicates,
)
from pipeline.runs import Run
from tests.data.dataset_makers import make_faces, noise
from tests.evaluation.makers import FINGERPRINT, random_predictions

WHOLE = EvaluationSubset("faces", FINGERPRINT, "test")
FEW = ExclusionList("few", dict.fromkeys(["f1", "f4", "f99"], "by hand"))
WITHOUT_FEW = replace(WHOLE, exclude="few")
WITHOUT_BOTH = replace(WITHOUT_FEW, without_duplicates=True)


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "m")


def store(run: Run, exclusions: ExclusionList | None = None) -> None:
    """Store an evaluation of ten faces, without those of a list."""
    predictions = random_predictions(10)
    if exclusions:
        left_out = {"exclusion": exclusions.name, "exclusion_fingerprint": exclusions.fingerprint}
        left = predictions.without(np.array([*exclusions.reasons]))
        predictions = replace(left, **left_out)
    fingerprint = predictions.exclusion_fingerprint
    save_predictions(predictions, run.evaluation_path(FINGERPRINT, "test", fingerprint))


def test_training_duplicates_are_faces_of_other_splits_whose_exact_pixels_are_in_train():
    a, b, c, d = (noise(seed) for seed in range(4))
    images = [a, a, a, b, b, c, d, d, c]
    splits = ["train", "test", "validation", "test", "test", "test", "train", "train", "train"]
    assert training_duplicates(make_faces(images, splits=splits)).tolist() == ["f1", "f2", "f5"]

    changed = a.copy()
    changed[20, 20] ^= 1
    for images, splits in (
        ([a, changed], ["train", "test"]),
        ([a, a], ["train", "train"]),
        ([a, a], ["test", "test"]),
    ):
        assert not len(training_duplicates(make_faces(images, splits=splits))), splits


def test_the_evaluation_of_the_whole_split_is_preferred_to_that_without_the_list(run):
    run.evaluation_path(FINGERPRINT, "test").mkdir(parents=True)  # without predictions
    assert find_evaluation(run, WITHOUT_FEW, FEW) is find_evaluation(run, WHOLE) is None

    store(run, FEW)
    without_list = run.evaluation_path(FINGERPRINT, "test", FEW.fingerprint)
    assert find_evaluation(run, WITHOUT_FEW, FEW) == without_list
    assert find_evaluation(run, WHOLE) is None

    store(run)
    whole = run.evaluation_path(FINGERPRINT, "test")
    short = replace(WHOLE, fingerprint=FINGERPRINT[:12])
    assert find_evaluation(run, WITHOUT_FEW, FEW) == whole
    assert find_evaluation(run, WHOLE) == find_evaluation(run, short) == whole


def test_an_evaluation_of_another_list_split_or_data_set_is_not_used(run):
    store(run, ExclusionList("few", {"f1": ""}))
    assert find_evaluation(run, WITHOUT_FEW, FEW) is None

    store(run)
    assert find_evaluation(run, replace(WHOLE, split="train")) is None
    assert find_evaluation(run, replace(WHOLE, fingerprint="f" * 64)) is None


def test_a_subset_leaves_out_its_list_and_the_duplicates():
    predictions, duplicates = random_predictions(10), np.array(["f4", "f5", "f77"])
    assert apply_subset(predictions, WHOLE) is predictions

    without_duplicates = replace(WHOLE, without_duplicates=True)
    alone = apply_subset(predictions, without_duplicates, duplicates=duplicates)
    assert set(predictions.ids) - set(alone.ids) == {"f4", "f5"}
    assert alone.exclusion == ""

    both = apply_subset(predictions, WITHOUT_BOTH, FEW, duplicates)
    assert set(predictions.ids) - set(both.ids) == {"f1", "f4", "f5"}

    empty_list = apply_subset(predictions, WITHOUT_FEW, ExclusionList("few", {}))
    assert (len(empty_list), empty_list.exclusion) == (10, "few")


def test_both_stored_evaluations_give_the_same_faces(run):
    for stored_without in (FEW, None):
        store(run, stored_without)
        folder = find_evaluation(run, WITHOUT_FEW, FEW)
        left = apply_subset(load_predictions(run, folder), WITHOUT_FEW, FEW)
        assert left.ids.tolist() == ["f0", "f2", "f3", "f5", "f6", "f7", "f8", "f9"]
        assert (left.exclusion, left.exclusion_fingerprint) == ("few", FEW.fingerprint)


def test_a_subset_without_a_face_is_named():
    every = [f"f{i}" for i in range(10)]
    for listed, duplicates in ((every, []), ([], every), (every[:5], every[5:])):
        exclusions = ExclusionList("few", dict.fromkeys(listed, ""))
        with pytest.raises(UserError, match="No face is left of faces · test, without the list"):
            apply_subset(
                random_predictions(10), WITHOUT_BOTH, exclusions, np.array(duplicates, dtype="U")
            )


def test_the_description_says_what_is_left_out():
    assert WHOLE.description == "faces · test"
    assert (
        WITHOUT_BOTH.description == "faces · test, without the list 'few', without train duplicates"
    )
