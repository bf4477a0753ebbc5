import json
import shutil

import pytest

from pipeline import cli
from pipeline.labels import EMOTIONS
from pipeline.runs import create_run, list_runs
from pipeline.training.config import TrainConfig
from tests.conftest import run_pipeline

COMMANDS = (
    "import", "datasets", "rename", "remove", "audit", "map", "exclude", "exclusions", "runs",
    "models", "note", "queue", "estimate", "train", "experiment", "stop", "work", "export", "ship",
    "card", "evaluate", "compare", "speed", "predict", "video",
)  # fmt: skip


def invoke(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run a command in this process: exit code, standard output, standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["emotion", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    code, out, _ = invoke(command, "--help", capsys=capsys)

    assert code == 0 and "Usage" in out


def test_the_list_of_commands_is_whole(capsys):
    _, out, _ = invoke("--help", capsys=capsys)

    assert all(f" {command} " in out for command in COMMANDS)
    assert len(cli.app.registered_commands) == len(COMMANDS)


def test_a_mistake_is_one_sentence_and_exit_code_one(capsys):
    code, out, err = invoke("evaluate", "no", "--dataset", "no", "--split", "test", capsys=capsys)

    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and "Unknown model 'no'" in err


def test_wrong_use_is_exit_code_two(capsys):
    assert invoke("evaluate", capsys=capsys)[0] == 2


@pytest.mark.parametrize("command", ["datasets", "runs", "models"])
def test_a_list_is_one_json_document(command, filled_workspace, capsys):
    code, out, _ = invoke(command, "--json", capsys=capsys)

    rows = json.loads(out)
    assert code == 0
    assert all("name" in row for row in rows) and rows


def test_an_empty_workspace_says_the_next_step(capsys):
    assert "import one" in invoke("datasets", capsys=capsys)[1]
    assert "train one" in invoke("runs", capsys=capsys)[1]
    assert json.loads(invoke("runs", "--json", capsys=capsys)[1]) == []


def test_the_small_cnn_reaches_95_percent_on_the_drawn_test_split(filled_workspace, capsys):
    (run,) = list_runs()
    arguments = (run.name, "--dataset", "sample", "--split", "test", "--json")

    code, out, _ = invoke("evaluate", *arguments, capsys=capsys)

    report = json.loads(out)
    assert code == 0
    assert report.keys() == {
        "model", "dataset", "split", "exclude", "n", "accuracy", "balanced_accuracy", "macro_f1",
        "weighted_f1", "top2_accuracy", "log_loss", "ece", "auc_macro", "auc_micro", "per_class",
        "accuracy_interval", "without_twins",
    }  # fmt: skip
    assert (report["model"], report["dataset"], report["split"]) == (run.name, "sample", "test")
    assert report["n"] == 210 and report["accuracy"] >= 0.95
    assert list(report["per_class"]) == list(EMOTIONS)
    assert report["per_class"]["happy"].keys() == {"precision", "recall", "f1", "support"}


@pytest.mark.parametrize(
    "content",
    ["[1, 2]", '"x"', '{"train": 5}', '{"dataset": "d", "model": 3}', "{", '{"architecture": []}'],
)
def test_a_configuration_file_that_is_none_is_one_sentence(content, tmp_path, capsys):
    (tmp_path / "c.json").write_text(content)

    code, _, err = invoke("train", "--config", str(tmp_path / "c.json"), capsys=capsys)

    assert code == 1 and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--finish", "RUN", "--epochs", "9"), "takes a trained run and nothing else"),
        (("--dataset", "sample", "--queue", "--no-finish"), "leave --queue out"),
        (("--run", "RUN"), "is finished; this needs one that is queued"),
    ],
    ids=["finish", "queue", "run"],
)
def test_options_that_contradict_each_other_are_refused(
    arguments, sentence, filled_workspace, capsys
):
    (run,) = list_runs()
    words = [run.name if word == "RUN" else word for word in arguments]

    code, _, err = invoke("train", *words, capsys=capsys)

    assert code == 1 and sentence in err
    assert run.state() == "finished"


def test_one_damaged_item_does_not_break_the_lists(trained, empty_workspace, capsys):
    shutil.copytree(trained, empty_workspace)
    for name in ("broken", "missing"):
        shutil.copytree(
            empty_workspace / "datasets" / "sample", empty_workspace / "datasets" / name
        )
        run = next((empty_workspace / "runs").iterdir())
        shutil.copytree(run, run.with_name(name))
    (empty_workspace / "datasets" / "broken" / "meta.json").write_text("{}")
    (empty_workspace / "runs" / "broken" / "config.json").write_bytes(b"\xff")
    (empty_workspace / "runs" / "missing" / "openvino" / "model.bin").unlink()

    lists = {
        command: {row["name"] for row in json.loads(invoke(command, "--json", capsys=capsys)[1])}
        for command in ("datasets", "runs", "models")
    }

    assert lists["datasets"] == {"sample", "broken", "missing"}
    assert {"broken", "missing"} < lists["runs"]
    assert "broken" in lists["models"] and "missing" not in lists["models"]


def test_a_data_set_that_a_run_needs_is_not_removed(empty_workspace, capsys):
    invoke("import", "sample", "--name", "faces", capsys=capsys)
    create_run(TrainConfig(dataset="faces"), "f" * 64)

    code, _, err = invoke("remove", "faces", capsys=capsys)

    assert code == 1 and "is needed by the run" in err


def test_import_and_remove(empty_workspace, capsys):
    assert invoke("import", "sample", "--name", "faces", capsys=capsys)[0] == 0
    assert [row["name"] for row in json.loads(invoke("datasets", "--json", capsys=capsys)[1])] == [
        "faces"
    ]
    code, _, err = invoke("import", "sample", "--name", "faces", capsys=capsys)
    assert code == 1 and "taken" in err
    assert invoke("remove", "faces", capsys=capsys)[0] == 0
    assert json.loads(invoke("datasets", "--json", capsys=capsys)[1]) == []


def test_the_module_runs_as_a_command(empty_workspace):
    assert "Usage" in run_pipeline("--help", empty_workspace).stdout
