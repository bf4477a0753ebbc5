import json
from pathlib import Path

import pytest

from models import ARCHITECTURES
from pipeline.data.importing import import_dataset
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.runs import create_run
from pipeline.training import estimate, jobs
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import (
    Estimate,
    Room,
    cost_key,
    estimates_folder,
    keep_estimate,
    kept_estimate,
    room,
    training_now,
)
from pipeline.training.jobs import EstimateJob
from pipeline.training.options import FIELDS, build_config
from tests.test_cli import invoke
from tests.training.tiny import tiny_config, tiny_faces

TWO_STAGES = {"widths": "4,8", "convolutions": "1"}
VGG = {"dataset": "tiny", "architecture": "vgg16", "input_size": "32", "batch_size": "8"}


def vgg(**fields: str) -> TrainConfig:
    return build_config({}, {**VGG, **fields})


def some_estimate(**figures) -> Estimate:
    known = {
        "parameters": 10, "trainable_parameters": 8, "multiply_adds": 100, "layers": (),
        "images_per_s": 50.0, "epoch_s": 20.0, "head_epoch_s": None, "start_s": 9.0,
        "memory": 1000, "disk": 1000, "beside_training": False, "epochs": 2, "head_epochs": 0,
    }  # fmt: skip
    return Estimate.model_validate(known | figures)


def key_of(config: TrainConfig) -> str:
    return cost_key(config, tiny_faces())


@pytest.fixture
def quick(monkeypatch):
    """Time a few steps only."""
    from pipeline.training import measuring

    monkeypatch.setattr(measuring, "_TRAINING_S", 0.05)
    monkeypatch.setattr(measuring, "_VALIDATION_S", 0.05)
    return measuring


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": "3"}, {"epochs": "99"}, {"learning_rate": "0.1"}, {"schedule": "cosine"},
        {"monitor": "val_loss"}, {"early_stopping_patience": "0"}, {"plateau_factor": "0.1"},
        {"rotation": "45"}, {"class_weights": "sqrt"}, {"dropout": "0.1"},
        {"kernel_initializer": "orthogonal"}, {"weight_decay": "0.1"},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_what_leaves_the_cost_as_it_is_finds_the_same_estimate(fields):
    assert key_of(tiny_config(**fields)) == key_of(tiny_config())


@pytest.mark.parametrize(
    "fields",
    [
        {"widths": "4,16"}, {"batch_size": "32"}, {"precision": "mixed_bfloat16"},
        {"optimizer": "sgd"}, {"ema_momentum": "0.9"}, {"mixup": "0.2"}, {"erasing": "0.1"},
        {"normalization": "group"},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_what_changes_the_cost_needs_another_estimate(fields):
    assert key_of(tiny_config(**fields)) != key_of(tiny_config())


def test_only_fields_are_named_by_what_they_cost():
    assert {*estimate._FREE, *estimate._SWITCHES} <= FIELDS.keys()


def test_amounts_cost_the_same_as_soon_as_there_are_some():
    few, many = (tiny_config(mixup=m, erasing=e) for m, e in (("0.1", "0.1"), ("0.4", "0.5")))

    assert key_of(few) == key_of(many)
    assert key_of(vgg(head_epochs="1")) == key_of(vgg(head_epochs="9", weights="x.keras"))
    assert key_of(vgg(head_epochs="1")) != key_of(vgg(head_epochs="0"))
    assert key_of(vgg(head_epochs="1")) != key_of(vgg(weights="none"))


def test_fewer_faces_need_another_estimate():
    faces = tiny_faces()

    assert cost_key(tiny_config(), faces.without(["0"])) != cost_key(tiny_config(), faces)


def test_a_kept_estimate_reckons_with_the_epochs_asked_for():
    key = key_of(vgg())
    keep_estimate(key, some_estimate(head_epoch_s=5.0))

    found = kept_estimate(key, vgg(epochs="10", head_epochs="4"))

    assert found is not None and found.total_s == 9 + 4 * 5 + 10 * 20
    assert kept_estimate(key_of(tiny_config()), tiny_config()) is None


@pytest.mark.parametrize("content", ["", "{", '{"parameters": 3}', "\x00\xff"])
def test_a_damaged_kept_estimate_counts_as_none(content):
    keep_estimate("key", some_estimate())
    (estimates_folder() / "key.json").write_text(content)

    assert kept_estimate("key", tiny_config()) is None


def test_an_estimate_that_cannot_be_kept_says_so_in_one_sentence(empty_workspace):
    empty_workspace.mkdir()
    estimates_folder().write_text("in the way")

    with pytest.raises(UserError, match=r"^The estimate cannot be kept in [^\n]*estimates"):
        keep_estimate("key", some_estimate())


def test_what_is_there_is_told_before_there_is_a_workspace(empty_workspace):
    assert not empty_workspace.exists()
    assert min(room()) > 0


def test_a_training_is_noticed_while_it_runs():
    run = create_run(tiny_config(), "f" * 64)
    assert not training_now()

    run.claim("queued")

    assert training_now()


def test_a_small_network_is_counted_as_by_hand(quick):
    told: list[float] = []

    made = quick.measure(tiny_config(**TWO_STAGES, epochs="7"), tiny_faces(), told.append)

    convolutions = (3 * 3 * 1 * 4 + 1 * 4) * 48**2 + (3 * 3 * 4 * 8 + 4 * 8) * 24**2
    normalizations = 2 * 4 * 4 + 2 * 4 * 8
    assert made.multiply_adds == convolutions + 8 * 7
    assert made.parameters == 36 + 4 + 288 + 32 + normalizations + 8 * 7 + 7
    assert made.parameters - made.trainable_parameters == normalizations / 2
    assert sum(layer.parameters for layer in made.layers) == made.parameters
    assert {(layer.kind, layer.output_shape) for layer in made.layers} >= {
        ("Conv2D", (48, 48, 4)), ("Conv2D", (24, 24, 8)), ("Dense", (7,)),
    }  # fmt: skip
    assert told == sorted(told) and told[-1] == 1
    assert made.images_per_s > 0 and made.start_s > 0 and made.head_epoch_s is None
    assert made.epoch_s > 42 / made.images_per_s  # validation comes on top
    assert made.total_s == pytest.approx(made.start_s + 7 * made.epoch_s)
    assert made.memory > 50e6 and made.disk > 4 * 4 * made.parameters


def test_a_backbone_has_two_phases_and_needs_no_weights_from_the_network(quick):
    made = quick.measure(vgg(weights="imagenet", trainable_share="0.1"), tiny_faces())

    assert made.head_epoch_s is not None and made.head_epoch_s > 0
    assert made.total_s == pytest.approx(made.start_s + 3 * made.head_epoch_s + 40 * made.epoch_s)
    last_convolution, head = 3 * 3 * 512 * 512 + 512, 512 * 7 + 7
    assert made.trainable_parameters == last_convolution + head
    assert "block5_conv3" in [layer.name for layer in made.layers]


def test_vgg16_takes_the_published_multiply_adds_at_its_published_size():
    from pipeline.training.layers import describe, leaves

    model = ARCHITECTURES["vgg16"](weights="none", input_size=224).build()

    layers = [describe(layer) for layer in leaves(model)]
    convolutions = [layer for layer in layers if layer.kind == "Conv2D"]

    assert sum(layer.multiply_adds for layer in convolutions) == 15_346_630_656
    assert sum(layer.parameters for layer in convolutions) == 14_714_688


def test_what_cannot_fit_is_refused_before_it_is_tried(quick, monkeypatch):
    outputs = 48**2 * (4 + 4) + 24**2 * (8 + 8) + 7  # of convolutions and the dense layer
    least = 16 * 4 * outputs  # a batch of float32
    monkeypatch.setattr(quick, "room", lambda: Room(least - 1, 0))

    with pytest.raises(UserError, match=r"^A step needs at least 0\.0 GB .* are available: take"):
        quick.measure(tiny_config(**TWO_STAGES), tiny_faces())

    monkeypatch.setattr(quick, "room", lambda: Room(2 * least, 0))
    assert quick.measure(tiny_config(precision="mixed_bfloat16"), tiny_faces()).memory > 0


@pytest.mark.parametrize("error", [MemoryError(), type("ResourceExhaustedError", (Exception,), {})])
def test_exhausted_memory_is_told_in_one_sentence(quick, monkeypatch, error):
    def exhaust(config):
        raise error

    monkeypatch.setattr(quick, "rebuild", exhaust)

    with pytest.raises(UserError, match="^The memory does not suffice for a step: take a smaller"):
        quick.measure(tiny_config(), tiny_faces())


def test_the_command_of_a_job_measures_and_keeps_and_clears_it(quick, monkeypatch, capsys):
    monkeypatch.setattr(jobs.Job, "start", lambda job: None)
    import_dataset(Path("sample"), "sample")
    config = tiny_config(dataset="sample", batch_size="64", **TWO_STAGES)
    key = cost_key(config, load_dataset("sample"))
    job = EstimateJob(key, config)
    job.start()

    code, out, _ = invoke(*job.command, capsys=capsys)

    assert code == 0 and "multiply-adds" in out and "276,536 a face" in out
    assert not job.folder.exists()
    kept = kept_estimate(key, config)
    assert kept is not None and kept.multiply_adds == 276_536

    monkeypatch.setattr(quick, "measure", None)
    arguments = ("--dataset", "sample", "--widths", "4,8", "--convolutions", "1", "--seed", "9")
    code, out, _ = invoke("estimate", *arguments, "--epochs", "5", "--json", capsys=capsys)
    report = json.loads(out)
    assert code == 0 and report["total_s"] == pytest.approx(kept.start_s + 5 * kept.epoch_s)
    assert report["layers"] and report["memory_available"] > 0 and report["disk_available"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dataset", "gone"), "Unknown data set 'gone'"),
        (("--dataset", "gone", "--batch-size", "many"), "batch_size = 'many' is wrong"),
        ((), "lacks 'dataset'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments, words, capsys):
    code, out, err = invoke("estimate", *arguments, capsys=capsys)

    assert (code, out, err.count("\n")) == (1, "", 1) and words in err


def test_a_job_that_was_killed_says_what_may_be_the_reason():
    job = EstimateJob("key")
    job.folder.mkdir(parents=True)
    assert "perhaps for want of memory" in job.failure()
    (job.folder / "log").write_text("I0000 computation placer\n")
    assert "perhaps for want of memory" in job.failure()
    (job.folder / "log").write_text("Data set 'x' is gone.\n")
    assert job.failure() == "Data set 'x' is gone."
