import json
import shutil

import numpy as np
import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.runs import Run, find_model
from tests.evaluation.makers import (
    FINGERPRINT,
    make_dataset,
    make_predictions,
    random_predictions,
)


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "m")


@pytest.fixture
def folder(run):
    return run.path / "evaluation" / f"{FINGERPRINT[:12]}-test"


def test_predictions_come_back_as_they_were_saved(run, folder):
    saved = random_predictions(20)
    save_predictions(saved, folder)
    loaded = load_predictions(run, folder)
    assert (loaded.model, loaded.dataset, loaded.split) == ("m", "faces", "test")
    assert np.array_equal(loaded.ids, saved.ids)
    assert np.array_equal(loaded.probabilities, saved.probabilities)
    assert [path.name for path in folder.iterdir()] == ["predictions.npz"]


def test_damaged_predictions_are_named_in_one_sentence(run, folder):
    file = folder / "predictions.npz"
    save_predictions(random_predictions(20), folder)
    valid = file.read_bytes()
    with np.load(file) as stored:
        arrays = dict(stored)
    third, half = len(valid) // 3, len(valid) // 2
    damages = {
        "missing": lambda: file.unlink(),
        "empty": lambda: file.write_bytes(b""),
        "cut short": lambda: file.write_bytes(valid[:200]),
        "zeros inside": lambda: file.write_bytes(
            valid[:third] + bytes(half - third) + valid[half:]
        ),
        "a pickle": lambda: np.savez(file, ids=np.array([{}], dtype=object)),
        "an array is missing": lambda: np.savez(file, ids=arrays["ids"], y_true=arrays["y_true"]),
        "lengths differ": lambda: np.savez(file, **{**arrays, "y_true": arrays["y_true"][:-1]}),
        "no probabilities": lambda: np.savez(
            file, **{**arrays, "probabilities": arrays["probabilities"] * 9}
        ),
    }
    for damage in damages.values():
        file.write_bytes(valid)
        damage()
        with pytest.raises(UserError, match="of 'm' in 0123456789ab-test are missing or damaged"):
            load_predictions(run, folder)


def test_predictions_of_other_faces_than_the_folder_says_are_refused(run, folder):
    save_predictions(random_predictions(20, split="train"), folder)
    with pytest.raises(UserError, match="other faces"):
        load_predictions(run, folder)

    left_out = {"exclusion": "few", "exclusion_fingerprint": "e" * 64}
    without_list = folder.with_name(f"{folder.name}-eeeeeeee")
    save_predictions(random_predictions(20, **left_out), without_list)
    assert load_predictions(run, without_list).exclusion == "few"
    shutil.rmtree(folder)
    for other in (folder, folder.with_name(f"{folder.name}-ffffffff")):
        shutil.copytree(without_list, other)
        with pytest.raises(UserError, match="other faces"):
            load_predictions(run, other)


def test_predictions_stored_before_there_were_lists_are_of_all_faces(run, folder):
    save_predictions(random_predictions(20), folder)
    with np.load(folder / "predictions.npz") as stored:
        old = {name: stored[name] for name in stored if not name.startswith("exclusion")}
    np.savez(folder / "predictions.npz", **old)

    assert load_predictions(run, folder).exclusion == ""


def test_probabilities_must_fit_the_faces():
    with pytest.raises(ValueError, match=r"\(2, 7\)"):
        make_predictions([0, 1], np.full((1, 7), 1 / 7))
    with pytest.raises(ValueError, match="below 7"):
        make_predictions([7], np.full((1, 7), 1 / 7))


def test_some_faces_are_taken_by_mask_or_by_position_with_their_predictions():
    predictions = random_predictions(10)
    assert len(predictions.correct) == 10  # cached, and not to be taken over
    mask = np.arange(10) % 3 == 1
    for faces in (mask, np.flatnonzero(mask), np.array([7, 2])):
        some = predictions.take(faces)
        for name in ("ids", "y_true", "probabilities", "predicted", "correct", "confidence"):
            np.testing.assert_array_equal(getattr(some, name), getattr(predictions, name)[faces])
        assert (some.model, some.split) == ("m", "test")


def test_faces_are_left_out_by_their_ids_and_unknown_ids_are_ignored():
    predictions = random_predictions(10)
    every = [f"f{i}" for i in range(10)]
    unknown = ["f", "f33", "a much longer id than any"]
    for ids, left in (([], 10), (["f3"], 9), (["f3", "f3", "f9"], 8), (unknown, 10), (every, 0)):
        rest = predictions.without(np.array(ids, dtype="U"))
        assert len(rest) == left
        assert rest.ids.tolist() == [name for name in every if name not in ids]


def test_evaluate_stores_predictions_and_metrics_apart_for_each_list():
    dataset, model = make_dataset(), find_model("custom_cnn")
    fractions: list[float] = []
    whole = evaluate(model, dataset, "test", fractions.append)
    folder = model.evaluation_path(dataset.fingerprint, "test")
    predictions = load_predictions(model, folder)

    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "predictions.npz"]
    stored = json.loads((folder / "metrics.json").read_text())
    low, high = stored.pop("accuracy_interval")
    assert low <= stored["accuracy"] <= high
    assert stored == whole.summary() == compute_metrics(predictions).summary()
    assert (whole.n, whole.exclude, predictions.exclusion) == (70, None, "")
    assert fractions == sorted(fractions) and fractions[-1] == 1.0

    for ids in (["f80", "f90", "f3"], []):
        exclusions = ExclusionList("few", dict.fromkeys(ids, "leaks"))
        metrics = evaluate(model, dataset, "test", exclusions=exclusions)
        folder = model.evaluation_path(dataset.fingerprint, "test", exclusions.fingerprint)
        left = load_predictions(model, folder)
        assert folder.name == f"{dataset.fingerprint[:12]}-test-{exclusions.fingerprint[:8]}"
        assert (left.exclusion, metrics.n) == ("few", len(left))
        assert json.loads((folder / "metrics.json").read_text())["exclude"] == "few"
        assert set(predictions.ids) - set(left.ids) == {*ids} - {"f3"}
