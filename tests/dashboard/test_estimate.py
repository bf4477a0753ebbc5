"""The estimate of a training's time, memory and disk beside the form."""

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, remove_dataset
from pipeline.jobs import estimate_job, running_estimate
from pipeline.runs import create_run
from pipeline.training.estimate import Layer, cost_key, save_estimate
from pipeline.workspace import workspace
from tests.dashboard.pages import labels, press, texts
from tests.training.test_estimate import some_estimate

CONFIG = TrainConfig(dataset="plain")
LAYERS = (
    Layer(
        name="conv2d", kind="Conv2D", output_shape=(48, 48, 32), parameters=288,
        multiply_adds=663_552,
    ),
    Layer(name="pooled", kind="Pooling", output_shape=(32,), parameters=0, multiply_adds=0),
)  # fmt: skip
METRICS = {
    "parameters": 1_223_456, "trainable_parameters": 1_200_000, "multiply_adds": 88_032_128,
    "layers": LAYERS, "epoch_s": 80.0, "start_s": 10.0, "images_per_s": 50.0,
    "memory": 1_400_000_000, "disk": 12_000_000,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("two_datasets")


def estimate(**fields) -> AppTest:
    """Show the estimate of a configuration."""

    def page(fields):
        from dashboard.views.train.estimate import show_estimate
        from pipeline.config.train_config import TrainConfig

        show_estimate(TrainConfig(dataset="plain", **fields))

    at = AppTest.from_function(page, default_timeout=30, args=(fields,)).run()
    assert not at.exception
    return at


def save(config: TrainConfig = CONFIG, **metrics) -> None:
    """Store an estimate of a configuration."""
    dataset = load_dataset(config.dataset)
    save_estimate(cost_key(config, dataset), some_estimate(**{**METRICS, **metrics}))


def test_an_estimate_is_offered_followed_and_then_shown(endless):
    at = estimate()
    assert not at.metric
    assert "Estimate time and memory" in texts(at)

    press(at, "Estimate")
    assert endless[0].args[3:] == ["estimate", "--dataset", "plain"]
    assert "Estimating, about 30 s" in texts(at) and labels(at) == ["Cancel"]
    other = estimate(batch_size=8)  # one at a time
    assert "Estimating another configuration" in texts(other) and labels(other) == ["Cancel"]

    press(at, "Cancel")
    assert running_estimate() is None and labels(at) == ["Estimate"] and not at.error

    save()
    at.run()
    assert {metric.label: metric.value for metric in at.metric} == {
        "Parameters": "1.22 M", "Multiply-adds": "88 M", "Time per epoch": "1 min 20 s",
        "Total time": "53 min 30 s",
    }  # fmt: skip
    assert "at most 40 epochs" in at.caption[0].value and "50 faces/s" in at.caption[0].value
    assert at.dataframe[0].value.to_dict("list") == {
        "layer": ["conv2d", "pooled"], "output": ["48 × 48 × 32", "32"],
        "parameters": [288, 0], "multiply-adds": [663_552, 0],
    }  # fmt: skip
    assert not at.button and not at.warning


def test_epochs_change_the_total_time_and_a_head_phase_is_listed_separately():
    save()
    at = estimate(epochs=3, early_stopping_patience=0)
    assert [metric.value for metric in at.metric][-2:] == ["1 min 20 s", "4 min 10 s"]
    assert at.caption[0].value.startswith("3 epochs")

    backbone = {"architecture": "vgg16"}
    save(TrainConfig(dataset="plain", **backbone), head_epoch_s=30.0)
    assert "at most 43 epochs · 30 s per epoch of the head alone" in texts(estimate(**backbone))


def test_what_does_not_fit_is_warned_of_with_its_cure():
    save(memory=10**15, disk=10**17)

    memory, disk = (warning.value for warning in estimate().warning)

    assert memory.startswith("Not enough memory, ") and "use a smaller batch" in memory
    assert disk.startswith("Not enough disk, ") and disk.endswith(": free some disk space.")


def test_an_estimate_beside_a_training_says_so_and_can_be_repeated_after_it():
    run = create_run(CONFIG, "f" * 64)
    run.claim("queued")
    assert "measured times will be longer" in texts(estimate())
    save(beside_training=True)

    at = estimate()
    assert "measured during another training" in texts(at) and not at.button

    run.update_status(state="finished")
    assert labels(at.run()) == ["Estimate again"]


def test_a_failed_estimate_says_why_and_can_be_tried_again():
    job = estimate_job(cost_key(CONFIG, load_dataset("plain")), [])
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The memory does not suffice.\n")

    at = estimate()

    assert [error.value for error in at.error] == ["The memory does not suffice."]
    assert labels(at) == ["Estimate"]


def test_whatever_prevents_an_estimate_is_one_sentence():
    (workspace() / "estimates").write_text("in the way")
    assert "'estimate' cannot start" in press(estimate(), "Estimate").error[0].value

    faces = load_dataset("plain")
    exclude(faces, "all", dict.fromkeys(faces.ids.tolist(), "by hand"))
    assert "is excluded" in estimate(exclude="all").error[0].value

    remove_dataset("plain")
    at = estimate()
    assert len(at.error) == 1 and "plain" in at.error[0].value and not at.button
