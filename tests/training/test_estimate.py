import json
import time
from pathlib import Path

import pytest

from models import ARCHITECTURES
from pipeline.config.options import FIELDS, build_config, config_options
from pipeline.config.train_config import TrainConfig
from pipeline.data.importing import import_dataset
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.jobs import JOB_VARIABLE, estimate_job
from pipeline.runs import create_run
from pipeline.training import estimate
from pipeline.training.estimate import (
    AvailableResources,
    Estimate,
    available_resources,
    cost_key,
    estimates_folder,
    load_estimate,
    save_estimate,
    training_now,
)
from tests.conftest import invoke
from tests.training.tiny import tiny_config, tiny_faces

TWO_STAGES = {"widths": "4,8", "convolutions": "1"}
VGG = {"dataset": "tiny", "architecture": "vgg16", "input_size": "32", "batch_size": "8"}


def vgg(**fields: str) -> TrainConfig:
    return build_config({}, {**VGG, **fields})


def some_estimate(**fields) -> Estimate:
    known = {"layers": (), "epoch_s": 20.0, "head_epoch_s": None, "start_s": 9.0, "epochs": 2}
    others = ("parameters", "trainable_parameters", "multiply_adds", "images_per_s", "memory")
    known |= dict.fromkeys((*others, "disk", "beside_training", "head_epochs"), 0)
    return Estimate.model_validate(known | fields)


def key_of(config: TrainConfig) -> str:
    return cost_key(config, tiny_faces())


@pytest.fixture
def quick(monkeypatch):
    """Time a few steps only."""
    from pipeline.training import profiler

    monkeypatch.setattr(profiler, "_TRAINING_S", 0.05)
    monkeypatch.setattr(profiler, "_VALIDATION_S", 0.05)
    return profiler


def test_the_key_changes_with_what_changes_the_cost_and_with_nothing_else():
    free = {"seed": "3", "epochs": "99", "learning_rate": "0.1", "schedule": "cosine"}
    free |= {"monitor": "val_loss", "early_stopping_patience": "0", "plateau_factor": "0.1"}
    free |= {"rotation": "45", "class_weights": "sqrt", "dropout": "0.1", "weight_decay": "0.1"}
    free |= {"kernel_initializer": "orthogonal", "early_stopping_min_delta": "0.1"}
    free |= {"plateau_min_delta": "0.1", "plateau_cooldown": "2", "plateau_min_lr": "1e-5"}
    plain = key_of(tiny_config())
    for name, value in free.items():
        assert key_of(tiny_config(**{name: value})) == plain, name
    costly = {"widths": "4,16", "batch_size": "32", "precision": "mixed_bfloat16", "mixup": "0.2"}
    costly |= {"optimizer": "sgd", "ema_momentum": "0.9", "erasing": "0.1"}
    costly |= {"normalization": "group"}
    for name, value in costly.items():
        assert key_of(tiny_config(**{name: value})) != plain, name
    assert cost_key(tiny_config(), tiny_faces().without(["0"])) != plain


def test_only_fields_are_named_by_what_they_cost():
    assert {*estimate._COST_FREE, *estimate._COST_IF_NONZERO} <= FIELDS.keys()


def test_amounts_cost_the_same_as_soon_as_there_are_some():
    few, many = (tiny_config(mixup=m, erasing=e) for m, e in (("0.1", "0.1"), ("0.4", "0.5")))

    assert key_of(few) == key_of(many)
    assert key_of(vgg(head_epochs="1")) == key_of(vgg(head_epochs="9", weights="x.keras"))
    assert key_of(vgg(head_epochs="1")) != key_of(vgg(head_epochs="0"))
    assert key_of(vgg(head_epochs="1")) != key_of(vgg(weights="none"))


def test_a_cached_estimate_is_for_the_epochs_asked_for():
    key = key_of(vgg())
    save_estimate(key, some_estimate(head_epoch_s=5.0))

    found = load_estimate(key, vgg(epochs="10", head_epochs="4"))

    assert found is not None and found.total_s == 9 + 4 * 5 + 10 * 20
    assert load_estimate(key_of(tiny_config()), tiny_config()) is None


def test_a_damaged_estimate_is_ignored():
    for content in ("", "{", '{"parameters": 3}', "\x00\xff"):
        save_estimate("key", some_estimate())
        (estimates_folder() / "key.json").write_text(content)
        assert load_estimate("key", tiny_config()) is None, content


def test_an_estimate_that_cannot_be_saved_is_one_sentence(empty_workspace):
    empty_workspace.mkdir()
    estimates_folder().write_text("in the way")

    with pytest.raises(UserError, match=r"^The estimate cannot be saved in [^\n]*estimates"):
        save_estimate("key", some_estimate())


def test_resources_are_known_before_there_is_a_workspace(empty_workspace):
    assert not empty_workspace.exists()
    assert min(available_resources()) > 0


def test_a_training_of_this_machine_is_noticed_while_it_runs():
    run, elsewhere = (create_run(tiny_config(), "f" * 64) for _ in range(2))
    elsewhere.update_status(state="running", host="another", pid=1, heartbeat=time.time())
    assert elsewhere.state() == "running"
    assert not training_now()

    run.claim("queued")

    assert training_now()


@pytest.mark.slow
def test_a_small_network_is_counted_as_by_hand(quick):
    fractions: list[float] = []

    cost = quick.measure(tiny_config(**TWO_STAGES, epochs="7"), tiny_faces(), fractions.append)

    convolutions = (3 * 3 * 1 * 4 + 1 * 4) * 48**2 + (3 * 3 * 4 * 8 + 4 * 8) * 24**2
    normalizations = 2 * 4 * 4 + 2 * 4 * 8
    assert cost.multiply_adds == convolutions + 8 * 7
    assert cost.parameters == 36 + 4 + 288 + 32 + normalizations + 8 * 7 + 7
    assert cost.parameters - cost.trainable_parameters == normalizations / 2
    assert sum(layer.parameters for layer in cost.layers) == cost.parameters
    layers = {(layer.kind, layer.output_shape) for layer in cost.layers}
    assert layers >= {("Conv2D", (48, 48, 4)), ("Conv2D", (24, 24, 8)), ("Dense", (7,))}
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert cost.images_per_s > 0 and cost.start_s > 0 and cost.head_epoch_s is None
    assert cost.epoch_s > 42 / cost.images_per_s  # validation comes on top
    assert cost.total_s == pytest.approx(cost.start_s + 7 * cost.epoch_s)
    assert cost.memory > 50e6 and cost.disk > 4 * 4 * cost.parameters


@pytest.mark.slow
def test_a_backbone_has_two_phases_and_needs_no_weights_from_the_network(quick):
    cost = quick.measure(vgg(weights="imagenet", trainable_share="0.1"), tiny_faces())

    assert cost.head_epoch_s is not None and cost.head_epoch_s > 0
    assert cost.total_s == pytest.approx(cost.start_s + 3 * cost.head_epoch_s + 40 * cost.epoch_s)
    last_convolution, head = 3 * 3 * 512 * 512 + 512, 512 * 7 + 7
    assert cost.trainable_parameters == last_convolution + head
    assert "block5_conv3" in [layer.name for layer in cost.layers]


@pytest.mark.slow
def test_vgg16_takes_the_published_multiply_adds_at_its_published_size():
    from pipeline.training.profiler import describe, leaves

    model = ARCHITECTURES["vgg16"](weights="none", input_size=224).build()

    layers = [describe(layer) for layer in leaves(model)]
    convolutions = [layer for layer in layers if layer.kind == "Conv2D"]

    assert sum(layer.multiply_adds for layer in convolutions) == 15_346_630_656
    assert sum(layer.parameters for layer in convolutions) == 14_714_688


@pytest.mark.slow
def test_what_cannot_fit_is_refused_before_it_is_tried(quick, monkeypatch):
    outputs = 48**2 * (4 + 4) + 24**2 * (8 + 8) + 7  # of convolutions and the dense layer
    least = 16 * 4 * outputs  # a batch of float32
    monkeypatch.setattr(quick, "available_resources", lambda: AvailableResources(least - 1, 0))

    with pytest.raises(UserError, match=r"^A step needs at least 0\.0 GB .* are available: take"):
        quick.measure(tiny_config(**TWO_STAGES), tiny_faces())

    monkeypatch.setattr(quick, "available_resources", lambda: AvailableResources(2 * least, 0))
    assert quick.measure(tiny_config(precision="mixed_bfloat16"), tiny_faces()).memory > 0


def test_exhausted_memory_is_one_sentence(quick, monkeypatch):
    for error in (MemoryError(), type("ResourceExhaustedError", (Exception,), {})()):

        def exhaust(config, error=error):
            raise error

        monkeypatch.setattr(quick, "rebuild", exhaust)
        with pytest.raises(UserError, match="^The memory does not suffice for a step: take a"):
            quick.measure(tiny_config(), tiny_faces())


@pytest.mark.slow
def test_the_command_of_a_job_measures_saves_and_clears_it(quick, monkeypatch, capsys):
    import_dataset(Path("sample"), "sample")
    config = tiny_config(dataset="sample", batch_size="64", **TWO_STAGES)
    key = cost_key(config, load_dataset("sample"))
    job = estimate_job(key, config_options(config))
    job.folder.mkdir(parents=True)
    monkeypatch.setenv(JOB_VARIABLE, str(job.folder))

    code, out, _ = invoke(*job.command, capsys=capsys)

    assert code == 0 and "multiply-adds" in out and "276,536 a face" in out
    assert not job.folder.exists()
    saved = load_estimate(key, config)
    assert saved is not None and saved.multiply_adds == 276_536

    monkeypatch.setattr(quick, "measure", None)
    arguments = ("--dataset", "sample", "--widths", "4,8", "--convolutions", "1", "--seed", "9")
    code, out, _ = invoke("estimate", *arguments, "--epochs", "5", "--json", capsys=capsys)
    report = json.loads(out)
    assert code == 0 and report["total_s"] == pytest.approx(saved.start_s + 5 * saved.epoch_s)
    assert report["layers"] and report["memory_available"] > 0 and report["disk_available"] > 0


def test_a_mistake_is_one_sentence(capsys):
    for arguments, words in [
        (("--dataset", "gone"), "Unknown data set 'gone'"),
        (("--dataset", "gone", "--batch-size", "many"), "batch_size = 'many' is wrong"),
        ((), "lacks 'dataset'"),
    ]:
        code, out, err = invoke("estimate", *arguments, capsys=capsys)
        assert (code, out, err.count("\n")) == (1, "", 1) and words in err
