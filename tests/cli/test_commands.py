import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pipeline import cli
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.jobs import JOB_VARIABLE
from pipeline.labels import EMOTIONS
from pipeline.runs import create_run, list_runs
from tests.cli.commands import document, output
from tests.conftest import TRAIN, invoke, run_pipeline

COMMANDS = (
    "import datasets rename remove audit map exclude exclusions runs models note queue estimate "
    "train experiment stop work add-model ensemble export push ship card evaluate compare speed "
    "predict video serve doctor"
).split()


def test_every_command_is_listed_and_has_help(capsys):
    _, listed, _ = invoke("--help", capsys=capsys)
    shown = [each for each in cli.app.registered_commands if not each.hidden]
    assert len(shown) == len(COMMANDS)
    for command in COMMANDS:
        code, out, _ = invoke(command, "--help", capsys=capsys)
        assert code == 0 and "Usage" in out and f" {command} " in listed, command


def test_the_module_runs_as_a_command(empty_workspace):
    assert "Usage" in run_pipeline("--help", empty_workspace).stdout


@pytest.mark.slow
def test_a_command_whose_threads_hang_at_its_exit_ends(empty_workspace):
    hanging = (
        "import runpy, sys, threading, time; sys.argv = ['emotion', 'models']; "
        "threading.Thread(target=time.sleep, args=(600,)).start(); "
        "runpy.run_module('pipeline', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", hanging], capture_output=True, timeout=120)

    assert b"custom_cnn" in done.stdout and b"Timeout" in done.stderr


def test_a_mistake_is_one_sentence_and_exit_code_one(capsys):
    code, out, err = invoke("evaluate", "no", "--dataset", "no", "--split", "test", capsys=capsys)

    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and "Unknown model 'no'" in err


def test_a_mistake_in_a_job_of_the_page_is_said_as_the_page_does(capsys, monkeypatch, tmp_path):
    def fail() -> None:
        raise UserError("Say --this.", on_page="Click that.")

    monkeypatch.setattr(cli, "app", fail)
    assert invoke(capsys=capsys)[2] == "Say --this.\n"
    monkeypatch.setenv(JOB_VARIABLE, str(tmp_path))
    assert invoke(capsys=capsys)[2] == "Click that.\n"


def test_no_command_writes_to_a_link_a_device_or_a_file_of_another_kind(tmp_path, capsys):
    (tmp_path / "old.mp4").write_text("old")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "old.mp4")
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    inputs = {"source", "paths", "ids", "ferplus", "config", "file"}
    outputs = {
        (command.name, parameter.name)
        for command in typer.main.get_group(cli.app).commands.values()
        for parameter in command.params
        if parameter.type_descriptor.annotation is Path and parameter.name not in inputs
        if not command.hidden
    }
    words = {
        ("audit", "csv"): ("faces", "--csv"),
        ("evaluate", "report"): ("custom_cnn", "--dataset", "a", "--split", "test", "--report"),
        ("predict", "csv"): ("custom_cnn", "a.png", "--csv"),
        ("predict", "annotated"): ("custom_cnn", "a.png", "--annotated"),
        ("video", "csv"): ("custom_cnn", "in.mp4", "out.mp4", "--csv"),
        ("predict", "output"): ("custom_cnn", "a.png", "--output"),
        ("video", "output"): ("custom_cnn", "in.mp4", "--output"),
    }
    assert words.keys() == outputs
    words["video", "paths"] = ("custom_cnn", "in.mp4")  # of which the second is written
    for (command, parameter), options in words.items():
        for target in ("link.mp4", "dangling.mp4", "folder.mp4", "pipe.mp4", "/dev/null"):
            if parameter in ("annotated", "output") and target == "folder.mp4":
                continue
            path = str(tmp_path / target)
            code, _, err = invoke(command, *options, path, capsys=capsys)
            assert (code, err.count("\n")) == (1, 1), (command, target, err)
            assert "symbolic link" in err or "exists and is not a" in err, (command, target, err)
    assert (tmp_path / "old.mp4").read_text() == "old" and not (tmp_path / "nothing").exists()


def test_wrong_use_is_exit_code_two(capsys):
    for words in (("evaluate",), ("queue", "RUN"), ("queue", "--to", "1"), ("train", "--no")):
        assert invoke(*words, capsys=capsys)[0] == 2, words


def test_an_empty_workspace_says_the_next_step():
    assert "import one" in output("datasets")
    assert "train one" in output("runs")
    assert document("runs") == []


@pytest.mark.slow
def test_the_small_cnn_gets_most_of_the_sample_right_and_not_all(sample, empty_workspace):
    run_pipeline(TRAIN, empty_workspace)
    (run,) = list_runs()

    report = document("evaluate", run.name, "--dataset", "sample", "--split", "test")

    assert report.keys() == {
        "model", "dataset", "split", "exclude", "n", "accuracy", "balanced_accuracy", "macro_f1",
        "weighted_f1", "top2_accuracy", "log_loss", "ece", "auc_macro", "auc_micro", "per_class",
        "accuracy_interval", "without_twins",
    }  # fmt: skip
    assert (report["model"], report["dataset"], report["split"]) == (run.name, "sample", "test")
    assert report["n"] == 210 and 0.80 <= report["accuracy"] <= 0.95
    bundled = document("evaluate", "custom_cnn", "--dataset", "sample", "--split", "test")
    assert bundled["accuracy"] < 0.8
    assert list(report["per_class"]) == list(EMOTIONS)
    assert report["per_class"]["happy"].keys() == {"precision", "recall", "f1", "support"}


def test_a_damaged_item_does_not_break_the_lists(trained, empty_workspace):
    shutil.copytree(trained, empty_workspace)
    for name in ("broken", "missing"):
        sample = empty_workspace / "datasets" / "sample"
        shutil.copytree(sample, sample.with_name(name))
        run = next((empty_workspace / "runs").iterdir())
        shutil.copytree(run, run.with_name(name))
    (empty_workspace / "datasets" / "broken" / "meta.json").write_text("{}")
    (empty_workspace / "runs" / "broken" / "config.json").write_bytes(b"\xff")
    (empty_workspace / "runs" / "missing" / "openvino" / "model.bin").unlink()

    lists = {
        command: {row["name"] for row in document(command)}
        for command in ("datasets", "runs", "models")
    }

    assert lists["datasets"] == {"sample", "broken", "missing"}
    assert {"broken", "missing"} < lists["runs"]
    assert "broken" in lists["models"] and "missing" not in lists["models"]


def test_a_data_set_is_imported_renamed_and_removed_but_not_while_a_run_needs_it(capsys):
    assert invoke("import", "sample", "--name", "faces", capsys=capsys)[0] == 0
    code, _, err = invoke("import", "sample", "--name", "faces", capsys=capsys)
    assert code == 1 and "taken" in err

    run = create_run(TrainConfig(dataset="faces"), "f" * 64)
    for words in (("rename", "faces", "fer"), ("remove", "faces")):
        code, _, err = invoke(*words, capsys=capsys)
        assert code == 1 and f"'faces' is needed by the run '{run.name}'" in err, words

    run.update_status(state="stopped")
    output("rename", "faces", "fer")
    assert [row["name"] for row in document("datasets")] == ["fer"]
    output("remove", "fer")
    output("remove", run.name)
    assert document("datasets") == document("runs") == []
    assert "no data set or run 'fer'" in invoke("remove", "fer", capsys=capsys)[2]
