import shutil

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from models import ARCHITECTURES
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset
from pipeline.runs import Run, create_run, list_runs
from pipeline.training import queue
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.workspace import PROJECT, dataset_folder

HOME = str(PROJECT / "dashboard" / "Home.py")


def train_page() -> AppTest:
    at = AppTest.from_file(HOME, default_timeout=60).run()
    return at.switch_page("app_pages/train.py").run()


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def shown_fields(at: AppTest) -> set[str]:
    kinds = (at.selectbox, at.number_input, at.text_input, at.toggle)
    keys = [widget.key or "" for kind in kinds for widget in kind]
    return {key.rpartition(".")[2] for key in keys if key.startswith("train.")}


@pytest.fixture
def with_data(trained, empty_workspace):
    shutil.copytree(trained / "datasets", empty_workspace / "datasets")
    return empty_workspace


@pytest.fixture
def submitted(monkeypatch):
    """Take what is submitted instead of training it."""
    configs = []

    def submit(config: TrainConfig) -> Run:
        configs.append(config)
        return new_run(config)

    monkeypatch.setattr(queue, "submit", submit)
    return configs


def make_run(state: str, message: str = "", epochs: int = 3) -> Run:
    run = create_run(TrainConfig(dataset="sample", epochs=5), "f" * 64)
    rows = [
        {"epoch": i, "accuracy": 0.3, "loss": 1.5, "val_accuracy": 0.2 + i / 10, "val_loss": 1.6}
        for i in range(epochs)
    ]
    pd.DataFrame(rows).to_csv(run.history_path, index=False)
    run.log_path.write_text("epoch 0: loss 1.5\n")
    run.update_status(state=state, message=message, epoch=epochs, steps=10)
    return run


def test_empty_page_says_what_it_is_for_and_leads_to_the_import():
    at = train_page()
    assert "Configure a network" in at.markdown[0].value
    button(at, "Import a data set").click().run()
    assert at.title[0].value == "Dataset"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_field_of_the_configuration_is_in_the_form(with_data, name):
    at = train_page()
    at.selectbox(key="train.architecture").set_value(name).run()
    fields = {*TrainConfig.model_fields, *Augmentation.model_fields}
    fields |= set(ARCHITECTURES[name].model_fields)
    assert not at.exception and not at.error
    hidden = {"warmup_epochs", "exclude", "vote_share", "given_weights"}
    assert shown_fields(at) == fields - {"model", "augmentation"} - hidden


def test_an_exclusion_list_of_the_chosen_data_set_goes_along(with_data, submitted):
    shutil.copytree(dataset_folder("sample"), dataset_folder("other"))
    for name, listed in (("sample", "twins"), ("other", "dark")):
        dataset = load_dataset(name)
        exclude(dataset, listed, dict.fromkeys(dataset.ids[:3], "by hand"))
    at = train_page()
    at.selectbox(key="train.dataset").set_value("sample").run()

    at.selectbox(key="train.exclude").set_value("twins").run()

    assert "--exclude twins" in at.code[0].value
    button(at, "Start training").click().run()
    assert [config.exclude for config in submitted] == ["twins"]
    assert "without the 3 faces of the exclusion list `twins`" in [c.value for c in at.caption]
    at.selectbox(key="train.dataset").set_value("other").run()
    assert at.selectbox(key="train.exclude").options == ["dark"]
    assert "--exclude" not in at.code[0].value
    assert not at.exception and not at.error


def test_fields_that_do_not_apply_are_not_shown(with_data):
    at = train_page()
    at.selectbox(key="train.schedule").set_value("cosine").run()
    assert "warmup_epochs" in shown_fields(at)
    assert not shown_fields(at) & {"plateau_patience", "plateau_factor"}
    assert not shown_fields(at) & {"vote_share", "given_weights"}
    at.selectbox(key="train.targets").set_value("blend")
    at.selectbox(key="train.class_weights").set_value("given").run()
    assert {"vote_share", "given_weights", "early_stopping_monitor"} <= shown_fields(at)
    at.number_input(key="train.early_stopping_patience").set_value(0).run()
    assert "early_stopping_monitor" not in shown_fields(at)
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert "head_epochs" in shown_fields(at)
    at.selectbox(key="train.VGG16.weights").set_value("none").run()
    assert not shown_fields(at) & {"head_epochs", "head_learning_rate", "trainable_share"}


def test_the_form_starts_what_it_says_and_shows_it_as_a_command(with_data, submitted):
    at = train_page()
    at.number_input(key="train.epochs").set_value(3)
    at.text_input(key="train.CustomCNN.widths").set_value("8, 16")
    at.toggle(key="train.Augmentation.flip").set_value(False).run()
    command = at.code[0].value
    assert "--epochs 3 " in command and "--widths 8,16" in command and "--flip False" in command
    button(at, "Start training").click().run()
    assert not at.exception and not at.error
    (config,) = submitted
    assert (config.dataset, config.epochs, config.augmentation.flip) == ("sample", 3, False)
    assert config.model.model_dump()["widths"] == (8, 16)
    assert any(list_runs()[0].name in element.value for element in at.markdown)


def test_a_wrong_value_is_told_in_one_sentence_and_cannot_be_started(with_data):
    at = train_page()
    at.text_input(key="train.CustomCNN.widths").set_value("1, many").run()
    assert not at.exception
    assert len(at.error) == 1 and "is wrong" in at.error[0].value
    assert "Start training" not in [button.label for button in at.button]


def test_a_failed_run_gives_its_sentence_and_its_log(with_data):
    make_run("failed", "The disk is full.")
    at = train_page()
    assert at.error[0].value == "The disk is full."
    assert any("epoch 0: loss 1.5" in code.value for code in at.code)


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(with_data):
    make_run("running")
    at = train_page()
    assert "process is gone" in at.warning[0].value


def test_a_queued_run_can_be_stopped(with_data):
    run = make_run("queued", epochs=0)
    at = train_page()
    assert not at.exception
    button(at, "Stop").click().run()
    assert run.status().state == "stopped"


def test_a_damaged_run_does_not_break_the_page(with_data):
    run = make_run("finished")
    (run.path / "config.json").write_text("{")
    at = train_page()
    assert not at.exception
    assert "no readable config.json" in at.error[0].value


def test_a_finished_run_shows_its_best_epoch(filled_workspace):
    at = train_page()
    assert not at.exception and not at.error
    assert [metric.label for metric in at.metric][:2] == ["Epochs", "Best epoch"]
    assert len(at.get("plotly_chart")) == 1
