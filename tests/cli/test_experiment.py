import pytest

from pipeline.cli.experiment import parse
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.runs import list_runs
from tests.cli.commands import document, output
from tests.conftest import invoke

VARIED = ("--vary", "learning-rate=0.01 0.003", "--vary", "seed=1 2")
FOUR = ("experiment", "rates", *VARIED, "--dataset", "sample", "--epochs", "3")

pytestmark = pytest.mark.usefixtures("sample", "no_worker")


def test_all_combinations_are_queued_with_the_fields_they_have_in_common():
    rows = document(*FOUR)

    assert [row["title"] for row in rows] == [
        f"learning rate {rate} · seed {seed}" for rate in ("0.01", "0.003") for seed in (1, 2)
    ]
    assert [run.name for run in queue.queued_runs()] == [row["name"] for row in rows]
    assert {run.config().train.epochs for run in list_runs()} == {3}


def test_the_results_of_an_experiment_are_listed_the_best_first():
    assert "No experiment yet" in output("experiment")
    output(*FOUR)
    assert document("experiment") == [
        {"name": "rates", "runs": 4, "finished": 0, "best_val_accuracy": None}
    ]
    best = list_runs()[1]
    best.history_path.write_text("epoch,val_accuracy,val_macro_f1\n0,0.5,0.4\n")
    best.update_status(state="stopped", epoch=1)

    rows, config = document("experiment", "rates"), best.config().train
    assert len(rows) == 4
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
        "message": "",
    }
    printed = output("experiment", "rates")
    assert "Best so far: learning rate" in printed and "with an accuracy of 50.0%." in printed


def test_varied_epochs_are_listed_beside_the_epochs_of_all_phases():
    common = ("--dataset", "sample", "--architecture", "vgg16", "--weights", "none")
    output("experiment", "long", "--vary", "epochs=3 5", *common)
    for run in list_runs():
        run.update_status(epochs=run.config().train.epochs + 2)

    rows = document("experiment", "long")
    assert {(row["epochs"], row["total_epochs"]) for row in rows} == {("3", 5), ("5", 7)}


def test_a_mistake_is_one_sentence_and_leaves_no_run(capsys):
    for words, sentence in (
        (("x",), "Unknown experiment 'x'. Choose from: none yet"),
        ((*VARIED, "--dataset", "sample"), "Give the experiment a name"),
        (("x", "--dataset", "sample"), "Say which field to vary"),
        (("x", "--vary", "seed=1 2"), "lacks 'dataset'"),
        (("x", "--vary", "seed", "--dataset", "sample"), "write it as --vary"),
        (("x", "--vary", "seed=one", "--dataset", "sample"), "seed = 'one' is wrong"),
        (("x", "--vary", "seed=1", "--dataset", "none"), "Unknown data set 'none'"),
        (("x", "--space", "seed=1..9", *VARIED), "A search takes --space, and no --vary"),
        (("x", "--samples", "9", "--dataset", "sample"), "A search takes --space"),
        (("x", "--space", "seed=9..1", "--dataset", "sample"), "seed=9..1 is no range"),
        (("x", "--space", "seed=1..9", "--dataset", "sample", "--samples", "0"), "0 trials are"),
        (("x", "--resume", "--cancel"), "--resume and --cancel take"),
        (("x", "--resume"), "Experiment 'x' has no search"),
        (("x", "--cancel"), "Experiment 'x' has no search"),
    ):
        code, out, err = invoke("experiment", *words, capsys=capsys)
        assert (code, out, err.count("\n")) == (1, "", 1), words
        assert sentence in err and list_runs() == [], words


def test_a_field_that_is_varied_twice_has_the_values_of_both_under_its_new_name():
    assert parse(["batch-size=16 32", "batch_size=64"]) == {"batch_size": ["16", "32", "64"]}
    assert parse(["teacher-share=0.1"]) == {"distillation_weight": ["0.1"]}
    with pytest.raises(UserError, match="write it as"):
        parse(["batch-size"])
