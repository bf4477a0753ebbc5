import json
import shutil

import numpy as np
import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.runs import Run, find_model
from tests.evaluation.makers import (
    FINGERPRINT,
    make_dataset,
    make_run,
    of_probabilities,
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


def _truncate(file):
    file.write_bytes(file.read_bytes()[:200])


def _garble(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    file.write_bytes(content)


def _pickle(file):
    np.savez(file, ids=np.array([{}], dtype=object))


def _forget_a_column(file):
    np.savez(file, ids=np.array(["a"]), y_true=np.zeros(1, np.uint8))


def _shorten(file):
    with np.load(file) as stored:
        arrays = dict(stored)
    np.savez(file, **{**arrays, "y_true": arrays["y_true"][:-1]})


def _give_other_numbers(file):
    with np.load(file) as stored:
        arrays = dict(stored)
    np.savez(file, **{**arrays, "probabilities": arrays["probabilities"] * 9})


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        _truncate,
        _garble,
        _pickle,
        _forget_a_column,
        _shorten,
        _give_other_numbers,
    ],
)
def test_damaged_predictions_are_named_in_one_sentence(run, folder, damage):
    save_predictions(random_predictions(20), folder)
    damage(folder / "predictions.npz")
    with pytest.raises(UserError, match="of 'm' in 0123456789ab-test are missing or damaged"):
        load_predictions(run, folder)


def test_predictions_of_other_faces_than_the_folder_says_are_refused(run, folder):
    save_predictions(random_predictions(20, split="train"), folder)
    with pytest.raises(UserError, match="other faces"):
        load_predictions(run, folder)


def test_probabilities_must_fit_the_faces():
    with pytest.raises(ValueError, match=r"\(2, 7\)"):
        of_probabilities([0, 1], np.full((1, 7), 1 / 7))
    with pytest.raises(ValueError, match="below 7"):
        of_probabilities([7], np.full((1, 7), 1 / 7))


def test_evaluate_stores_predictions_and_figures(monkeypatch):
    dataset = make_dataset()
    model = make_run(dataset, evaluated=False)
    drawn = random_predictions(
        split="test", fingerprint=dataset.fingerprint, model=model.name, dataset="faces"
    )

    def predict(model, dataset, split, on_progress, exclusions):
        on_progress(0.5)
        return drawn

    monkeypatch.setattr("pipeline.evaluation.evaluate.predict_split", predict)
    fractions = []
    metrics = evaluate(model, dataset, "test", fractions.append)
    folder = model.evaluation_path(dataset.fingerprint, "test")
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "predictions.npz"]
    assert metrics.n == len(load_predictions(model, folder))
    assert fractions == [0.5]


@pytest.mark.parametrize("ids", [["f80", "f90", "f3"], []], ids=["some", "none-yet"])
def test_an_evaluation_without_a_list_lies_apart_and_names_it(ids):
    dataset, model = make_dataset(), find_model("custom_cnn")
    listed = ExclusionList("twins", dict.fromkeys(ids, "leaks"))

    whole = evaluate(model, dataset, "test")
    metrics = evaluate(model, dataset, "test", exclusions=listed)

    folder = model.evaluation_path(dataset.fingerprint, "test", listed.fingerprint)
    predictions = load_predictions(model, folder)
    plain = load_predictions(model, model.evaluation_path(dataset.fingerprint, "test"))
    stored = json.loads((folder / "metrics.json").read_text())
    assert folder.name == f"{dataset.fingerprint[:12]}-test-{listed.fingerprint[:8]}"
    assert (predictions.exclusion, plain.exclusion) == ("twins", "")
    assert (stored["exclude"], whole.summary()["exclude"]) == ("twins", None)
    assert set(plain.ids) - set(predictions.ids) == {*ids} - {"f3"}
    assert (whole.n, metrics.n) == (70, len(predictions))


def test_predictions_without_a_list_are_refused_where_all_faces_belong(run, folder):
    left_out = {"exclusion": "twins", "exclusion_fingerprint": "e" * 64}
    apart = folder.with_name(f"{folder.name}-eeeeeeee")
    save_predictions(random_predictions(20, **left_out), apart)
    assert load_predictions(run, apart).exclusion == "twins"

    for other in (folder, folder.with_name(f"{folder.name}-ffffffff")):
        shutil.copytree(apart, other)
        with pytest.raises(UserError, match="other faces"):
            load_predictions(run, other)


def test_predictions_from_before_there_were_lists_are_of_all_faces(run, folder):
    save_predictions(random_predictions(20), folder)
    with np.load(folder / "predictions.npz") as stored:
        old = {name: stored[name] for name in stored if not name.startswith("exclusion")}
    np.savez(folder / "predictions.npz", **old)

    assert load_predictions(run, folder).exclusion == ""


def test_jobs_with_and_without_a_list_do_not_meet():
    plain, without = (EvaluationJob("m", "faces", FINGERPRINT, "test", e) for e in ("", "twins"))

    assert plain.folder != without.folder
    assert without.command == [*plain.command, "--exclude", "twins"]


def test_a_job_without_its_process_tells_the_last_line_it_printed():
    job = EvaluationJob("m", "faces", FINGERPRINT, "test")
    assert job.failure() is None
    job.folder.mkdir(parents=True)
    (job.folder / "process.json").write_text('{"pid": 1, "started": 0.0}')
    (job.folder / "log").write_text("Loading\nUnknown model 'm'.\n\n")
    assert not job.running()
    assert job.failure() == "Unknown model 'm'."
    job.clear()
    assert job.failure() is None
