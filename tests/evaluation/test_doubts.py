import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.data.exclusions import ExclusionList
from pipeline.evaluation.doubts import doubted, doubts_by_model
from pipeline.evaluation.predictions import save_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from tests.evaluation.makers import (
    make_dataset,
    make_run,
    of_probabilities,
    random_predictions,
    store_evaluation,
)


def sure_of(emotions, share=0.9) -> np.ndarray:
    """Probabilities of a model that gives each face this emotion."""
    spread = np.full((len(emotions), len(EMOTIONS)), (1 - share) / (len(EMOTIONS) - 1))
    spread[np.arange(len(emotions)), emotions] = share
    return spread


def test_planted_wrong_labels_are_doubted_and_no_others():
    seen = np.arange(140) % 7
    labels = seen.copy()
    labels[[3, 50, 99]] = (seen[[3, 50, 99]] + 2) % 7

    assert np.flatnonzero(doubted(of_probabilities(labels, sure_of(seen)))).tolist() == [3, 50, 99]


def test_a_hesitant_model_raises_no_doubt():
    seen = np.arange(140) % 7
    labels = np.where(np.arange(140) == 3, 6, seen)
    probabilities = sure_of(seen)
    probabilities[3] = sure_of([3], share=0.3)

    assert not doubted(of_probabilities(labels, probabilities)).any()


def test_an_emotion_that_no_face_has_raises_no_doubt():
    seen = np.arange(120) % 6
    seen_as_neutral = np.where(np.arange(120) < 10, 6, seen)

    assert not doubted(of_probabilities(seen, sure_of(seen_as_neutral))).any()


@pytest.mark.parametrize(
    "labels",
    [[], [0], [3], [3, 3], [3, 4], [0] * 50, [6] * 50, range(7), [0, 2, 5] * 9, [1] + [4] * 30],
    ids=str,
)
@pytest.mark.parametrize("skill", [0, 2, 40])
def test_there_is_always_an_answer(labels, skill):
    labels = np.array(labels, np.uint8)
    drawn = random_predictions(len(labels), skill=skill)

    answer = doubted(of_probabilities(labels, drawn.probabilities))
    assert answer.dtype == np.bool_ and answer.shape == labels.shape


def test_sessions_that_ask_at_once_do_not_disturb_each_other():
    asked = [random_predictions(300 + 10 * seed, seed=seed) for seed in range(20)]
    alone = [doubted(each).tolist() for each in asked]

    with ThreadPoolExecutor(4) as pool:
        assert [each.tolist() for each in pool.map(doubted, asked)] == alone


@pytest.fixture
def faces():
    return make_dataset()


def store(run: Run, faces, split, wrong, **names) -> None:
    """Store an evaluation that speaks against the labels of these faces of a split."""
    which = faces.indices(split)
    seen = faces.labels[which].astype(int)
    seen[wrong] = (seen[wrong] + 1) % 7
    said = of_probabilities(
        faces.labels[which], sure_of(seen), faces.ids[which], split=split,
        **{"fingerprint": faces.fingerprint, **names},
    )  # fmt: skip
    exclusion = names.get("exclusion_fingerprint", "")
    save_predictions(said, run.evaluation_path(said.fingerprint, split, exclusion))


def test_doubts_lie_at_the_places_of_the_faces(faces):
    run = make_run(faces, evaluated=False)
    store(run, faces, "test", [0, 12])

    assert np.flatnonzero(doubts_by_model(faces)[run.name]).tolist() == [70, 82]


def test_each_model_has_its_own_and_those_without_an_evaluation_none(faces):
    one, other, _ = (make_run(faces, evaluated=False) for _ in range(3))
    store(one, faces, "test", [0])
    store(other, faces, "test", [])

    found = {name: int(mask.sum()) for name, mask in doubts_by_model(faces).items()}
    assert found == {one.name: 1, other.name: 0}


def test_what_a_model_was_trained_on_and_other_data_do_not_count(faces):
    run = make_run(faces, evaluated=False)
    store(run, faces, "train", [0, 1])
    store(run, faces, "test", [0, 1], fingerprint="f" * 64)
    store(run, faces, "test", [0, 1], fingerprint=faces.fingerprint[:12] + "f" * 52)

    assert doubts_by_model(faces) == {}


def test_all_faces_of_a_split_go_before_those_without_a_list(faces):
    run = make_run(faces, evaluated=False)
    listed = ExclusionList("few", {"f99": ""})
    names = {"exclusion": "few", "exclusion_fingerprint": listed.fingerprint}
    store(run, faces.without(["f99"]), "test", [5], **names)
    assert np.flatnonzero(doubts_by_model(faces)[run.name]).tolist() == [75]

    store(run, faces, "test", [6])
    assert np.flatnonzero(doubts_by_model(faces)[run.name]).tolist() == [76]


def test_a_damaged_evaluation_is_passed_over(faces):
    run = make_run(faces, evaluated=False)
    store_evaluation(run, faces, "test")
    (run.evaluation_path(faces.fingerprint, "test") / "predictions.npz").write_bytes(b"")

    assert doubts_by_model(faces) == {}


def test_it_loads_none_of_the_training_libraries():
    script = (
        "import sys, cleanlab.filter, pipeline.evaluation.doubts\n"
        "print({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras', 'torch'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("set()\n", "")
