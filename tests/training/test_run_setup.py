import json

import numpy as np
import pytest

from pipeline.config.options import build_config, read_fields
from pipeline.data.exclusions import exclude, exclusion_names, include, remove_exclusions
from pipeline.data.store import load_dataset, remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.runs import Exclusion, create_run, find_model, list_runs
from pipeline.training.run_setup import dataset_of, new_run, resolve_weights, training_faces
from tests.data.dataset_makers import noise, store_faces
from tests.evaluation.makers import make_dataset

EXCLUDED = ["f0", "f7", "f14", "f100"]
UNCHANGED = {"rotation": "0", "zoom": "0", "shift": "0", "flip": "False"}
LISTED = {"dataset": "faces", "exclude": "duplicates", "class_weights": "balanced"}
CONFIG = build_config({}, {**LISTED, **UNCHANGED})
WITHOUT_LIST = CONFIG.model_copy(update={"exclude": ()})


def config(architecture="vgg16", **fields):
    return build_config({}, {"dataset": "faces", "architecture": architecture, **fields})


@pytest.fixture
def faces():
    dataset = make_dataset()
    return dataset, exclude(dataset, "duplicates", dict.fromkeys(EXCLUDED, "identical"))


def test_a_run_records_the_exclusion_list_and_brings_a_copy(faces):
    _, listed = faces

    run, without = new_run(CONFIG), new_run(WITHOUT_LIST)

    assert run.config().exclusion == Exclusion(
        name="duplicates", faces=4, fingerprint=listed.fingerprint
    )
    lines = run.exclusions_path.read_text().splitlines()
    assert lines == ["id,reason", *(f"{face},identical" for face in EXCLUDED)]
    assert without.config().exclusion is None and not without.exclusions_path.exists()
    assert training_faces(without).excluded is None


def test_a_run_copies_all_of_its_lists_into_one(faces):
    dataset, _ = faces
    exclude(dataset, "bad", {EXCLUDED[0]: "by hand", "f9": "by hand"})
    run = new_run(CONFIG.model_copy(update={"exclude": ("bad", "duplicates")}))
    exclusion = run.config().exclusion
    assert (exclusion.name, exclusion.faces) == ("bad,duplicates", 5)
    assert f"{EXCLUDED[1]},duplicates: identical" in run.exclusions_path.read_text()
    assert training_faces(run).excluded.sum() == 5


def test_a_run_from_before_there_were_lists_can_be_read(faces):
    run = new_run(WITHOUT_LIST)
    content = json.loads((run.path / "config.json").read_text())
    del content["exclusion"], content["train"]["exclude"]
    (run.path / "config.json").write_text(json.dumps(content))

    assert run.config().exclusion is None and run.config().train.exclude == ()


def test_what_a_training_needs_and_is_not_here_is_refused_before_there_is_a_run(
    faces, empty_workspace
):
    for update, sentence in [
        ({"exclude": ("dark",)}, "no exclusion list 'dark'. Choose from: duplicates"),
        ({"targets": "votes"}, "'faces' has no FER. votes .* take --targets labels"),
        ({"targets": "blend"}, "'faces' has no FER. votes .* take --targets labels"),
        ({"teacher": "nobody"}, "Unknown model 'nobody'. Choose from: custom_cnn"),
        (
            {"initial_model": "nobody"},
            "no trained model .nobody. of custom_cnn .* Choose from: none, ",
        ),
        ({"dataset": "gone"}, "Unknown data set 'gone'"),
    ]:
        with pytest.raises(UserError, match=sentence):
            queue.submit(CONFIG.model_copy(update=update))
        assert list_runs() == [], sentence

    file = empty_workspace / "datasets" / "faces" / "exclusions" / "duplicates.csv"
    file.write_text("id,reason\nf0,x\nfer0000007,x\n")
    with pytest.raises(UserError, match="'fer0000007'"):
        queue.submit(CONFIG)
    assert list_runs() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset: exclude(dataset, "duplicates", dict.fromkeys(["f1"], "later")),
        lambda dataset: include("faces", "duplicates", EXCLUDED),
        lambda dataset: remove_exclusions("faces", "duplicates"),
    ],
    ids=["longer", "emptied", "removed"],
)
def test_a_queued_run_leaves_out_what_was_chosen_when_it_was_queued(faces, change):
    run = new_run(CONFIG)

    change(faces[0])

    left = training_faces(run)
    assert left.ids[left.excluded].tolist() == EXCLUDED


def test_a_copy_of_the_list_that_was_changed_is_refused(faces):
    run = new_run(CONFIG)
    for content in ("", "id,reason\nf0,identical\n"):
        run.exclusions_path.write_text(content)
        with pytest.raises(UserError, match="exclusions.csv") as refusal:
            training_faces(run)
        assert "\n" not in str(refusal.value)


def test_no_excluded_face_is_fitted_on_chosen_on_or_weighed(faces):
    from pipeline.training.batches import make_batches

    whole, _ = faces
    held_out = whole.indices("held_out", CONFIG.seed)
    exclude(whole, "duplicates", dict.fromkeys(whole.ids[held_out[:2]], "by hand"))

    fitting, choosing = make_batches(CONFIG, training_faces(new_run(CONFIG)))

    batches = [fitting[i] for i in range(len(fitting))]
    _, targets, weights = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    fitted = np.setdiff1d(whole.training_indices(CONFIG.seed), [0, 7, 14])
    assert images_of(fitting) == {whole.images[i].tobytes() for i in fitted}
    assert images_of(choosing) == {whole.images[i].tobytes() for i in held_out[2:]}
    by_emotion = (targets * weights[:, np.newaxis]).sum(axis=0)
    assert by_emotion == pytest.approx(np.full(7, len(fitted) / 7), rel=1e-4)


def images_of(batches) -> set[bytes]:
    """Return the bytes of every face that batches give."""
    faces = np.concatenate([batches[i][0] for i in range(len(batches))])
    return {face.tobytes() for face in faces.astype(np.uint8)}


def test_a_run_finds_its_data_set_under_a_new_name_and_takes_no_other_of_its_name(faces):
    run = new_run(CONFIG)
    rename_dataset("faces", "fer")
    make_dataset("faces", n=70)

    assert dataset_of(run).name == "fer"
    assert training_faces(run).excluded.sum() == 4
    assert exclusion_names("fer") == ["duplicates"]
    renamed = build_config(read_fields(run.path / "config.json"), {})
    assert renamed == CONFIG.model_copy(update={"dataset": "fer"})

    remove_dataset("fer")
    with pytest.raises(UserError, match=f"other faces than run '{run.name}' was made for"):
        dataset_of(run)
    assert load_dataset(read_fields(run.path / "config.json")["dataset"]).name == "faces"
    remove_dataset("faces")
    with pytest.raises(UserError, match="Unknown data set 'faces'"):
        dataset_of(run)


def trained_run(architecture):
    run = create_run(config(architecture), "f" * 64)
    run.weights_path.touch()
    return run


def test_a_model_that_a_backbone_starts_from_becomes_its_file_and_all_else_stays(tmp_path):
    run, file = trained_run("vgg16"), tmp_path / "backbone.weights.h5"
    file.touch()
    bundled = str(find_model("resnet50v2").weights_path)

    for architecture, weights, resolved in [
        ("vgg16", run.name, str(run.weights_path)),
        ("resnet50v2", "resnet50v2", bundled),
        ("vgg16", "imagenet", "imagenet"),
        ("vgg16", "none", "none"),
        ("vgg16", str(file), str(file)),
    ]:
        given = config(architecture, weights=weights, input_size="64")
        assert resolve_weights(given) == config(architecture, weights=resolved, input_size="64")
    assert resolve_weights(config("custom_cnn")) == config("custom_cnn")


def test_weights_that_are_not_here_are_refused_with_the_choices_before_there_is_a_run():
    store_faces([noise(0)])
    other, untrained = trained_run("resnet50v2"), create_run(config(), "f" * 64)
    compatible = trained_run("vgg16")

    for wrong in (other.name, untrained.name, "missing.h5"):
        with pytest.raises(
            UserError, match=f"no weights '{wrong}'. Choose from: imagenet, none,"
        ) as e:
            new_run(config(weights=wrong))
        assert str(e.value).endswith(f"a trained model of vgg16 ({compatible.name}).")
    with pytest.raises(UserError, match="no weights 'imagenet'. Choose from: none, a weights file"):
        new_run(config("dlib_resnet", weights="imagenet"))
    assert len(list_runs()) == 3
