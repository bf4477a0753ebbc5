import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pipeline.data import store as store_module
from pipeline.data.dataset import Batch
from pipeline.data.exclusions import ExclusionList
from pipeline.evaluation.label_issues import find_label_issues, likely_mislabeled
from pipeline.evaluation.predictions import save_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Exclusion, Run
from pipeline.runs.records import EnsembleMembers
from pipeline.training import run_setup
from tests.evaluation.makers import (
    make_dataset,
    make_ensemble,
    make_predictions,
    make_run,
    random_predictions,
    store_evaluation,
)


def confident_in(emotions, probability=0.9) -> np.ndarray:
    """Probabilities of a model that predicts these emotions."""
    rows = np.full((len(emotions), len(EMOTIONS)), (1 - probability) / (len(EMOTIONS) - 1))
    rows[np.arange(len(emotions)), emotions] = probability
    return rows


def test_confident_predictions_of_another_emotion_are_issues_and_no_others():
    true = np.arange(140) % 7
    labels = true.copy()
    labels[[3, 50, 99]] = (true[[3, 50, 99]] + 2) % 7
    probabilities = confident_in(true)
    issues = likely_mislabeled(make_predictions(labels, probabilities))
    assert np.flatnonzero(issues).tolist() == [3, 50, 99]

    probabilities[3] = confident_in([3], probability=0.3)
    issues = likely_mislabeled(make_predictions(labels, probabilities))
    assert np.flatnonzero(issues).tolist() == [50, 99]


def test_an_emotion_that_no_face_is_labeled_with_is_never_suggested():
    labels = np.arange(120) % 6
    predicted = np.where(np.arange(120) < 10, 6, labels)

    assert not likely_mislabeled(make_predictions(labels, confident_in(predicted))).any()


def test_any_labels_and_probabilities_give_a_mask():
    for labels in (*([], [0], [3, 3], [3, 4], [6] * 50, range(7), [0, 2, 5] * 9, [1] + [4] * 30),):
        labels = np.array(labels, np.uint8)
        for skill in (0, 40):
            sampled = random_predictions(len(labels), skill=skill)
            issues = likely_mislabeled(make_predictions(labels, sampled.probabilities))
            assert issues.dtype == np.bool_ and issues.shape == labels.shape, labels


def test_threads_do_not_disturb_each_other():
    asked = [random_predictions(300 + 10 * seed, seed=seed) for seed in range(12)]
    alone = [likely_mislabeled(each).tolist() for each in asked]

    with ThreadPoolExecutor(4) as pool:
        assert [each.tolist() for each in pool.map(likely_mislabeled, asked)] == alone


@pytest.fixture
def faces():
    return make_dataset()


def store(run: Run, faces, split, wrong, **names) -> None:
    """Store confident predictions that agree with the labels of a split except for some faces."""
    which = faces.indices(split)
    predicted = faces.labels[which].astype(int)
    predicted[wrong] = (predicted[wrong] + 1) % 7
    names = {"model": run.name, "fingerprint": faces.fingerprint, "split": split, **names}
    predictions = make_predictions(
        faces.labels[which], confident_in(predicted), faces.ids[which], **names
    )
    exclusion = names.get("exclusion_fingerprint", "")
    save_predictions(predictions, run.evaluation_path(names["fingerprint"], split, exclusion))


def issues_of(faces) -> list[int]:
    return np.flatnonzero(find_label_issues(faces).mask).tolist()


def used_of(faces) -> dict[str, int]:
    """Model → how many of the faces have its prediction."""
    return {name: int(used.sum()) for name, used in find_label_issues(faces).models.items()}


def test_the_issues_are_those_of_the_most_accurate_model(faces):
    one, other, bad = (make_run(faces, evaluated=False) for _ in range(3))
    store(one, faces, "test", [0, 12])
    assert issues_of(faces) == [70, 82]

    store(other, faces, "test", [3])
    store(bad, faces, "test", range(29))  # 59% of 70 right
    issues = find_label_issues(faces)
    assert np.flatnonzero(issues.mask).tolist() == [73]
    assert used_of(faces) == {other.name: 70} and issues.predicted == 70
    assert issues.summary() == {
        "faces": 1,
        "of": 70,
        "models": {other.name: {"faces": 1, "of": 70}},
    }


def test_without_an_accurate_model_there_are_no_issues_and_a_sentence_says_why(faces):
    for wrong, used in (([], True), (range(28), True), (range(29), False)):
        run = make_run(faces, evaluated=False)
        store(run, faces, "test", wrong)
        assert bool(find_label_issues(faces).models) == used
        assert ("evaluate one" in find_label_issues(faces).meaning({})) != used
        shutil.rmtree(run.path)


def test_models_are_compared_on_the_faces_that_all_of_them_have(faces):
    whole, easy = (make_run(faces, evaluated=False) for _ in range(2))
    store(whole, faces, "test", [0, 1, 2, 3, 4, 5, 20])
    few = ExclusionList("few", {f"f{face}": "" for face in range(70, 76)})
    names = {"exclusion": "few", "exclusion_fingerprint": few.fingerprint}
    store(easy, faces.without(few.reasons), "test", [30, 40], **names)  # fewer mistakes, but more
    assert used_of(faces) == {whole.name: 70}


def test_predictions_of_faces_with_other_ids_do_not_count(faces):
    run = make_run(faces, evaluated=False)
    renamed = replace(faces, ids=np.char.add("new-", faces.ids))
    store(run, renamed, "test", [0])
    assert issues_of(faces) == [] and issues_of(renamed) == [70]


def test_training_faces_other_data_and_damaged_evaluations_do_not_count(faces):
    run = make_run(faces, evaluated=False)
    store(run, faces, "train", [0, 1])
    store(run, faces, "test", [0, 1], fingerprint="f" * 64)
    store(run, faces, "test", [0, 1], fingerprint=faces.fingerprint[:12] + "f" * 52)
    assert issues_of(faces) == [] and used_of(faces) == {run.name: 7}  # held out of the training

    store_evaluation(run, faces, "test")
    (run.evaluation_path(faces.fingerprint, "test") / "predictions.npz").write_bytes(b"")
    assert issues_of(faces) == []


def test_faces_that_a_model_was_trained_on_are_known_by_list_and_by_image(faces):
    excluded = {f"f{face}": "" for face in range(0, 70, 2)}
    run = make_run(faces, evaluated=False)
    listed = ExclusionList("half", excluded)
    config = run.config().model_copy(
        update={"exclusion": Exclusion(name="half", faces=35, fingerprint=listed.fingerprint)}
    )
    run.write_config(config)
    run.exclusions_path.write_text(listed.csv())
    store(run, faces, "train", [1, 2])
    assert used_of(faces) == {run.name: 35} and issues_of(faces) == [2]

    batch = Batch(
        np.ascontiguousarray(faces.images[50:]),
        *(faces.labels[50:], np.full(90, "test"), faces.ids[50:], 1.0),
    )
    with store_module.new_dataset("other") as writer:
        writer.append(batch)
        writer.finish("other", "made up", 0, None)
    other = store_module.load_dataset("other")
    store(run, other, "test", [0, 2, 30])
    # f50, f52 … f68 were excluded, f51, f53 … f69 fitted on
    assert used_of(other) == {run.name: 80} and issues_of(other) == [0, 2, 30]


def test_a_data_set_is_opened_once_for_all_models_that_were_trained_on_it(faces, monkeypatch):
    other = make_dataset("other", 154)
    runs = [make_run(each, evaluated=False) for each in (faces, other) for _ in range(3)]
    for run in runs:
        store(run, faces, "test", [])
    opened: list[str] = []

    def load_dataset(name):
        opened.append(name)
        return store_module.load_dataset(name)

    monkeypatch.setattr(run_setup, "load_dataset", load_dataset)
    assert find_label_issues(faces).predicted == 70
    assert opened == ["other"], "and this one is open already"


def test_an_ensemble_says_nothing_on_faces_that_any_of_its_members_was_trained_on(faces):
    members = [make_run(faces, evaluated=False) for _ in range(2)]
    held_out = []
    for seed, run in enumerate(members):
        config = run.config()
        train = config.train.model_copy(update={"seed": seed})
        run.write_config(config.model_copy(update={"train": train}))
        held_out.append(set(range(70)) - set(faces.training_indices(seed).tolist()))
    both = make_ensemble("both")
    shutil.copytree(members[0].openvino_path.parent, both.openvino_path.parent)
    of_both = EnsembleMembers(models=[run.name for run in members], weights=(0.5, 0.5))
    config = both.config().model_copy(update={"ensemble": of_both})
    both.write_config(config.model_copy(update={"dataset_fingerprint": faces.fingerprint}))

    store(both, faces, "train", [])
    store(both, faces, "test", [])

    used = find_label_issues(faces).models["both"]
    assert set(np.flatnonzero(used[:70])) == set.intersection(*held_out) != held_out[0]
    assert used[70:].all()


def test_all_faces_of_a_split_and_those_without_a_list_are_used_once(faces):
    run = make_run(faces, evaluated=False)
    few = ExclusionList("few", {"f99": ""})
    names = {"exclusion": "few", "exclusion_fingerprint": few.fingerprint}
    store(run, faces.without(["f99"]), "test", [5], **names)
    assert issues_of(faces) == [75] and used_of(faces) == {run.name: 69}

    store(run, faces, "test", [5])
    assert issues_of(faces) == [75] and used_of(faces) == {run.name: 70}
