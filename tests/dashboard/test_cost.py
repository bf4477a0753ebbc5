import shutil
import subprocess
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline import jobs
from pipeline.data.exclusions import exclude
from pipeline.data.importing import import_dataset
from pipeline.data.store import load_dataset, remove_dataset
from pipeline.processes import ProcessId
from pipeline.runs import create_run
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import Layer, cost_key, keep_estimate
from pipeline.training.jobs import EstimateJob, running_estimate
from pipeline.workspace import dataset_folder, workspace
from tests.training.test_estimate import some_estimate

LAYERS = (
    Layer(
        name="conv2d", kind="Conv2D", output_shape=(48, 48, 32), parameters=288,
        multiply_adds=663_552,
    ),
    Layer(name="pooled", kind="Pooling", output_shape=(32,), parameters=0, multiply_adds=0),
)  # fmt: skip
FIGURES = {
    "parameters": 1_223_456, "trainable_parameters": 1_200_000, "multiply_adds": 88_032_128,
    "layers": LAYERS, "epoch_s": 80.0, "start_s": 10.0, "memory": 1_400_000_000, "disk": 12_000_000,
}  # fmt: skip


def cost_of(**fields) -> AppTest:
    """Show the cost of a configuration."""

    def page(fields):
        from dashboard.components.train.cost import show_cost
        from pipeline.training.config import TrainConfig

        show_cost(TrainConfig(dataset="sample", **fields))

    return AppTest.from_function(page, default_timeout=30, args=(fields,)).run()


def keep(config: TrainConfig, **figures) -> None:
    faces = load_dataset("sample")
    keep_estimate(cost_key(config, faces), some_estimate(**{**FIGURES, **figures}))


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


@pytest.fixture(autouse=True)
def with_sample(tmp_path_factory, empty_workspace):
    """Copy the drawn faces, which are imported once, into the test's workspace."""
    kept = tmp_path_factory.getbasetemp() / "cost-sample"
    if not kept.exists():
        import_dataset(Path("sample"), "sample")
        shutil.copytree(dataset_folder("sample"), kept)
    elif not dataset_folder("sample").exists():
        shutil.copytree(kept, dataset_folder("sample"))


@pytest.fixture
def slow_estimate(monkeypatch):
    """Start a process that measures nothing and does not end by itself."""
    started = []

    def start(arguments, log):
        started.append(subprocess.Popen(["sleep", "60"]))
        return ProcessId.of(started[-1].pid)

    monkeypatch.setattr(jobs, "start_pipeline", start)
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_without_an_estimate_one_is_offered_followed_and_then_shown(slow_estimate):
    at = cost_of()
    assert not at.metric and "A few steps tell" in at.markdown[0].value

    button(at, "Estimate").click().run()
    assert "Estimating" in at.get("progress")[0].proto.text and labels(at) == ["Cancel"]
    job = running_estimate()
    assert TrainConfig.model_validate_json((job.folder / "config.json").read_text()) == TrainConfig(
        dataset="sample"
    )
    keep(TrainConfig(dataset="sample"))
    job.cancel()
    at.run()

    assert {metric.label: metric.value for metric in at.metric} == {
        "Parameters": "1.22 M", "Multiply-adds": "88 M", "An epoch": "1 min 20 s",
        "In all": "53 min 30 s",
    }  # fmt: skip
    assert "at most 40 epochs" in at.caption[0].value and "50 faces/s" in at.caption[0].value
    assert not at.button and not at.warning and not at.exception


def test_an_estimate_under_way_can_be_cancelled(slow_estimate):
    at = cost_of()
    button(at, "Estimate").click().run()

    button(at, "Cancel").click().run()

    assert running_estimate() is None
    assert labels(at) == ["Estimate"] and not at.error and not at.exception


def test_one_estimate_at_a_time_is_made(slow_estimate):
    button(cost_of(), "Estimate").click().run()

    at = cost_of(batch_size=8)

    assert "another configuration" in at.get("progress")[0].proto.text
    assert labels(at) == ["Cancel"]


def test_layers_are_listed_with_their_sizes():
    keep(TrainConfig(dataset="sample"))

    (table,) = cost_of().dataframe

    assert table.value.to_dict("list") == {
        "layer": ["conv2d", "pooled"], "output": ["48 × 48 × 32", "32"],
        "parameters": [288, 0], "multiply-adds": [663_552, 0],
    }  # fmt: skip


def test_other_epochs_change_the_total_alone_and_without_early_stopping_it_is_sure():
    keep(TrainConfig(dataset="sample"))

    at = cost_of(epochs=3, early_stopping_patience=0)

    assert [metric.value for metric in at.metric][-2:] == ["1 min 20 s", "4 min 10 s"]
    assert at.caption[0].value.startswith("3 epochs")


def test_what_does_not_fit_is_warned_of_with_its_cure():
    keep(TrainConfig(dataset="sample"), memory=10**15, disk=10**17)

    memory, disk = (warning.value for warning in cost_of().warning)

    assert memory.startswith("Memory falls short by ") and "take a smaller batch" in memory
    assert disk.startswith("Disk falls short by ") and disk.endswith(": free some space.")


def test_a_first_phase_is_told_apart():
    fields = {"architecture": "vgg16"}
    keep(TrainConfig(dataset="sample", **fields), head_epoch_s=30.0)

    at = cost_of(**fields)

    assert "at most 43 epochs · 30 s while the head alone is trained" in at.caption[0].value


def test_a_training_beside_it_is_told_before_and_after_and_it_can_be_measured_again():
    run = create_run(TrainConfig(dataset="sample"), "f" * 64)
    run.claim("queued")
    assert "measured beside it" in cost_of().caption[0].value
    keep(TrainConfig(dataset="sample"), beside_training=True)

    at = cost_of()
    assert "measured beside a training" in at.caption[0].value and not at.button

    run.update_status(state="finished")
    assert labels(at.run()) == ["Measure again"]


def test_a_failed_estimate_says_why_and_can_be_tried_again():
    config = TrainConfig(dataset="sample")
    job = EstimateJob(cost_key(config, load_dataset("sample")), config)
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The memory does not suffice.\n")

    at = cost_of()

    assert [error.value for error in at.error] == ["The memory does not suffice."]
    assert labels(at) == ["Estimate"]


def test_a_workspace_that_cannot_be_written_to_is_told_in_one_sentence():
    (workspace() / "estimates").write_text("in the way")
    at = cost_of()

    button(at, "Estimate").click().run()

    assert "'estimate' cannot start" in at.error[0].value and not at.exception


def test_a_data_set_that_is_gone_or_left_out_as_a_whole_is_told_in_one_sentence():
    faces = load_dataset("sample")
    exclude(faces, "all", dict.fromkeys(faces.ids.tolist(), "by hand"))
    assert "is excluded" in cost_of(exclude="all").error[0].value

    remove_dataset("sample")

    at = cost_of()
    assert len(at.error) == 1 and "sample" in at.error[0].value
    assert not at.button and not at.exception
