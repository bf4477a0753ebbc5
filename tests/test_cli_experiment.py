import json
from pathlib import Path

import pytest

from pipeline.cli.experiment import parse
from pipeline.data.importing import import_dataset
from pipeline.errors import UserError
from pipeline.runs import list_runs
from pipeline.training import queue
from tests.test_cli import invoke

VARIED = ("--vary", "learning-rate=0.01 0.003", "--vary", "seed=1 2")


@pytest.fixture(autouse=True)
def with_data(empty_workspace, monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)
    import_dataset(Path("sample"), "sample")


def queue_four(capsys, *more: str) -> tuple[int, str, str]:
    return invoke(
        "experiment", "rates", *VARIED, "--dataset", "sample", "--epochs", "3", *more, capsys=capsys
    )


def test_several_values_are_queued_as_one_experiment_with_what_they_have_in_common(capsys):
    code, out, _ = queue_four(capsys, "--json")

    rows = json.loads(out)
    assert code == 0
    assert [row["title"] for row in rows] == [
        f"learning rate {rate} · seed {seed}" for rate in ("0.01", "0.003") for seed in (1, 2)
    ]
    assert [run.name for run in queue.waiting()] == [row["name"] for row in rows]
    assert {run.config().train.epochs for run in list_runs()} == {3}


def test_a_name_alone_lists_what_its_runs_came_to_the_best_first(capsys):
    queue_four(capsys)
    best = list_runs()[1]
    best.history_path.write_text("epoch,val_accuracy,val_macro_f1\n0,0.5,0.4\n")
    best.update_status(state="stopped", epoch=1)

    code, out, _ = invoke("experiment", "rates", "--json", capsys=capsys)

    rows, config = json.loads(out), best.config().train
    assert code == 0 and len(rows) == 4
    assert rows[0] == {
        "name": best.name,
        "learning_rate": str(config.learning_rate),
        "seed": str(config.seed),
        "state": "stopped",
        "accuracy": 0.5,
        "macro_f1": 0.4,
        "epoch": 1,
        "total_epochs": 3,
        "seconds": None,
    }
    words = invoke("experiment", "rates", capsys=capsys)[1]
    assert "Best: learning rate" in words and "with an accuracy of 50.0 %." in words


def test_varied_epochs_keep_their_place_beside_the_epochs_of_all_phases(capsys):
    common = ("--dataset", "sample", "--architecture", "vgg16", "--weights", "none")
    invoke("experiment", "long", "--vary", "epochs=3 5", *common, capsys=capsys)
    for run in list_runs():
        run.update_status(epochs=run.config().train.epochs + 2)

    rows = json.loads(invoke("experiment", "long", "--json", capsys=capsys)[1])

    assert {(row["epochs"], row["total_epochs"]) for row in rows} == {("3", 5), ("5", 7)}


def test_without_a_name_the_experiments_are_listed(capsys):
    assert "No experiment yet" in invoke("experiment", capsys=capsys)[1]
    queue_four(capsys)

    code, out, _ = invoke("experiment", "--json", capsys=capsys)

    assert code == 0
    assert json.loads(out) == [
        {"name": "rates", "runs": 4, "finished": 0, "best_val_accuracy": None}
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x",), "Unknown experiment 'x'. Choose from: none yet"),
        ((*VARIED, "--dataset", "sample"), "Give the experiment a name"),
        (("x", "--dataset", "sample"), "Say which field to vary"),
        (("x", "--vary", "seed=1 2"), "lacks 'dataset'"),
        (("x", "--vary", "seed", "--dataset", "sample"), "write it as --vary"),
        (("x", "--vary", "seed=one", "--dataset", "sample"), "seed = 'one' is wrong"),
        (("x", "--vary", "seed=1", "--dataset", "none"), "Unknown data set 'none'"),
    ],
    ids=["unknown", "no-name", "no-field", "no-data-set", "no-values", "wrong", "data-set-gone"],
)
def test_a_mistake_is_one_sentence_and_leaves_no_run(arguments, sentence, capsys):
    code, out, err = invoke("experiment", *arguments, capsys=capsys)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert sentence in err and list_runs() == []


def test_a_field_that_is_varied_twice_has_the_values_of_both():
    assert parse(["batch-size=16 32", "batch_size=64"]) == {"batch_size": ["16", "32", "64"]}
    with pytest.raises(UserError, match="write it as"):
        parse(["batch-size"])
