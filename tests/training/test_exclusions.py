import json

import numpy as np
import pytest

from pipeline.data.exclusions import exclude, exclusion_names, include, remove_exclusions
from pipeline.data.store import load_dataset, remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.runs import Exclusion, list_runs
from pipeline.training import queue
from pipeline.training.faces import dataset_of, new_run, training_faces
from pipeline.training.options import build_config, read_fields
from tests.evaluation.makers import make_dataset

LEFT_OUT = ["f0", "f7", "f14", "f100"]
UNCHANGED = {"rotation": "0", "zoom": "0", "shift": "0", "flip": "False"}
CHOSEN = {"dataset": "faces", "exclude": "twins", "class_weights": "balanced"}
CONFIG = build_config({}, {**CHOSEN, **UNCHANGED})


@pytest.fixture
def faces():
    dataset = make_dataset()
    listed = exclude(dataset, "twins", dict.fromkeys(LEFT_OUT, "identical"))
    return dataset, listed


def test_a_run_records_the_list_and_brings_a_copy(faces):
    _, listed = faces

    run = new_run(CONFIG)

    assert run.config().exclusion == Exclusion(
        name="twins", faces=4, fingerprint=listed.fingerprint
    )
    assert run.exclusions_path.read_text().splitlines() == [
        "id,reason", *(f"{face},identical" for face in LEFT_OUT)
    ]  # fmt: skip


def test_a_run_without_a_list_leaves_nothing_out(faces):
    run = new_run(CONFIG.model_copy(update={"exclude": None}))

    assert run.config().exclusion is None and not run.exclusions_path.exists()
    assert training_faces(run).excluded is None


def test_a_run_from_before_there_were_lists_can_be_read(faces):
    run = new_run(CONFIG.model_copy(update={"exclude": None}))
    content = json.loads((run.path / "config.json").read_text())
    del content["exclusion"], content["train"]["exclude"]
    (run.path / "config.json").write_text(json.dumps(content))

    assert run.config().exclusion is None and run.config().train.exclude is None


def test_an_unknown_list_is_refused_before_there_is_a_run(faces):
    with pytest.raises(UserError, match="no exclusion list 'dark'. Choose from: twins"):
        queue.submit(CONFIG.model_copy(update={"exclude": "dark"}))

    assert list_runs() == []


def test_a_list_of_other_faces_is_refused_before_there_is_a_run(faces, empty_workspace):
    file = empty_workspace / "datasets" / "faces" / "exclusions" / "twins.csv"
    file.write_text("id,reason\nf0,x\nfer0000007,x\n")

    with pytest.raises(UserError, match="'fer0000007'"):
        queue.submit(CONFIG)

    assert list_runs() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset: exclude(dataset, "twins", dict.fromkeys(["f1"], "later")),
        lambda dataset: include("faces", "twins", LEFT_OUT),
        lambda dataset: remove_exclusions("faces", "twins"),
    ],
    ids=["longer", "emptied", "removed"],
)
def test_a_queued_run_leaves_out_what_was_chosen_when_it_was_queued(faces, change):
    run = new_run(CONFIG)

    change(faces[0])

    left = training_faces(run)
    assert left.ids[left.excluded].tolist() == LEFT_OUT


@pytest.mark.parametrize("content", ["", "id,reason\nf0,identical\n"], ids=["damaged", "edited"])
def test_a_copy_that_is_not_what_it_was_is_refused(faces, content):
    run = new_run(CONFIG)
    run.exclusions_path.write_text(content)

    with pytest.raises(UserError, match="exclusions.csv") as refusal:
        training_faces(run)
    assert "\n" not in str(refusal.value)


def test_no_excluded_face_is_fitted_on_chosen_on_or_weighed(faces):
    from pipeline.training.batches import make_batches

    whole, _ = faces
    held_out = whole.indices("held_out", CONFIG.seed)
    exclude(whole, "twins", dict.fromkeys(whole.ids[held_out[:2]], "by hand"))

    fitting, choosing = make_batches(CONFIG, training_faces(new_run(CONFIG)))

    batches = [fitting[i] for i in range(len(fitting))]
    _, targets, weights = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    fitted = np.setdiff1d(whole.training_indices(CONFIG.seed), [0, 7, 14])
    assert pictures(fitting) == {whole.images[i].tobytes() for i in fitted}
    assert pictures(choosing) == {whole.images[i].tobytes() for i in held_out[2:]}
    by_emotion = (targets * weights[:, np.newaxis]).sum(axis=0)
    assert by_emotion == pytest.approx(np.full(7, len(fitted) / 7), rel=1e-4)


def pictures(batches) -> set[bytes]:
    """Return the bytes of every face that batches give."""
    faces = np.concatenate([batches[i][0] for i in range(len(batches))])
    return {face.tobytes() for face in faces.astype(np.uint8)}


def test_a_finished_run_finds_its_data_set_under_a_new_name(faces):
    run = new_run(CONFIG)
    rename_dataset("faces", "fer")
    make_dataset("faces", n=70)

    assert dataset_of(run).name == "fer"
    assert training_faces(run).excluded.sum() == 4
    assert exclusion_names("fer") == ["twins"]
    config = build_config(read_fields(run.path / "config.json"), {})
    assert config == CONFIG.model_copy(update={"dataset": "fer"})


def test_other_faces_under_the_same_name_are_not_taken_for_those_of_the_run(faces):
    run = new_run(CONFIG)
    remove_dataset("faces")
    with pytest.raises(UserError, match="Unknown data set 'faces'"):
        dataset_of(run)

    make_dataset("faces", n=70)

    with pytest.raises(UserError, match=f"other faces than run '{run.name}' was made for"):
        dataset_of(run)
    assert load_dataset(read_fields(run.path / "config.json")["dataset"]).name == "faces"
