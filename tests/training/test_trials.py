import math

import pandas as pd
import pytest

from pipeline.runs import Notes, Run, RunTable, create_run
from pipeline.training.config import TrainConfig
from pipeline.training.experiment import vary
from pipeline.training.trials import best_row, experiments, read_trials, training_time
from pipeline.training.verdict import labels, numeric_fields, varied_fields, verdict

PLAIN = TrainConfig(dataset="sample")
HISTORY = pd.DataFrame({"epoch": [0, 1, 2], "val_accuracy": [0.2, 0.5, 0.5], "val_loss": [3, 2, 1]})


def make_runs(varied: dict[str, list[str]], accuracies: list[float | None]) -> list[Run]:
    """Make an experiment of runs of two epochs, the second of which is the better one."""
    runs = []
    for (title, config), accuracy in zip(vary(PLAIN, varied), accuracies, strict=True):
        run = create_run(config, "f" * 64, notes=Notes(name=title, experiment="e"))
        if accuracy is not None:
            run.history_path.write_text(
                f"epoch,val_accuracy,val_macro_f1\n0,0.1,0.1\n1,{accuracy},{accuracy - 0.1:.2f}\n"
            )
        runs.append(run)
    return runs


def trials():
    return read_trials(experiments(RunTable().rows())["e"])


@pytest.mark.parametrize(
    ("monitor", "epoch"),
    [("val_accuracy", 1), ("val_loss", 2), ("val_macro_f1", None)],
    ids=["first of equal ones", "smallest loss", "not measured"],
)
def test_the_best_epoch_follows_the_monitor(monitor, epoch):
    best = best_row(HISTORY, monitor)

    assert (None if best is None else best["epoch"]) == epoch


@pytest.mark.parametrize("history", [HISTORY[:0], HISTORY.assign(val_accuracy=math.nan)])
def test_without_a_figure_no_epoch_is_best(history):
    assert best_row(history, "val_accuracy") is None


def test_the_time_is_that_of_all_epochs_and_counts_a_repeated_one_once(empty_workspace):
    run = create_run(PLAIN, "f" * 64)
    assert training_time(run) is None
    run.log_path.write_text(
        "2026-01-01 10:00:00,000 epoch 0: loss 1.9 (80 s)\nkilled\n"
        "2026-01-01 10:00:00,000 epoch 1: loss 1.8 (81 s)\n"
        "2026-01-01 11:00:00,000 epoch 1: loss 1.8 (79 s)\nfailed (3 s)\n"
    )

    assert training_time(run) == 159


def test_trials_are_told_apart_by_what_varies_and_the_best_stands_first():
    make_runs({"learning_rate": ["0.1", "0.01"], "seed": ["1", "2"]}, [0.3, 0.4, None, 0.6])

    found = trials()

    assert [trial.accuracy for trial in found] == [0.6, 0.4, 0.3, None]
    assert found[0].macro_f1 == pytest.approx(0.5)
    fields = varied_fields(found)
    assert fields == ["learning_rate", "seed"]
    assert labels(found, fields)[0] == "learning rate 0.01 · seed 2"
    assert labels(found, fields, named=False)[0] == "0.01 · 2"
    assert numeric_fields(found, fields) == ["learning_rate"]
    assert verdict(found) == (
        "Best: learning rate 0.01 · seed 2 with an accuracy of 60.0 %, 20.0 points ahead of "
        "learning rate 0.1 · seed 2 (40.0 %)."
    )


def test_seeds_alone_give_a_mean_and_a_standard_deviation():
    make_runs({"seed": ["1", "2", "3"]}, [0.59, 0.6, 0.61])

    assert verdict(trials()) == (
        "3 seeds, mean ± standard deviation: accuracy 60.0 ± 1.0 %, macro F1 50.0 ± 1.0 %."
    )


@pytest.mark.parametrize(
    ("accuracies", "sentence"),
    [
        (
            [0.5, 0.5, 0.4],
            "Level: dropout 0.1 and dropout 0.2 with an accuracy of 50.0 %, 10.0 points ahead of "
            "dropout 0.3 (40.0 %).",
        ),
        (
            [0.6, 0.6001],
            "Level: dropout 0.2 and dropout 0.1 with an accuracy of 60.0 %.",
        ),
        (
            [0.2] * 5,
            "Level: dropout 0.1, dropout 0.2, dropout 0.3 and 2 more with an accuracy of 20.0 %.",
        ),
    ],
    ids=["two lead", "all but equal", "many"],
)
def test_level_trials_are_no_winner_and_stay_in_the_order_of_the_rows(accuracies, sentence):
    make_runs({"dropout": ["0.1", "0.2", "0.3", "0.4", "0.5"][: len(accuracies)]}, accuracies)
    rows = sorted(RunTable().rows(), key=lambda row: row.title)

    assert verdict(read_trials(rows)) == sentence


@pytest.mark.parametrize(
    ("accuracies", "sentence"),
    [
        ([None, None], "No run has finished an epoch yet."),
        ([None, 0.5], "Best: schedule cosine with an accuracy of 50.0 %."),
    ],
)
def test_an_experiment_at_its_beginning_is_judged_by_what_is_there(accuracies, sentence):
    make_runs({"schedule": ["constant", "cosine"]}, accuracies)

    assert verdict(trials()) == sentence


def test_equal_runs_are_told_apart_by_their_own_names():
    run, twin = (*make_runs({"seed": ["1"]}, [0.5]), *make_runs({"seed": ["1"]}, [0.4]))

    found = trials()

    assert labels(found, varied_fields(found)) == [
        f"seed 1 ({run.name[-4:]})",
        f"seed 1 ({twin.name[-4:]})",
    ]


def test_a_damaged_run_takes_its_place_without_values():
    broken, _ = make_runs({"seed": ["1", "2"]}, [0.7, 0.5])
    broken.config_path.write_text("{")

    found = trials()

    assert [trial.accuracy for trial in found] == [0.7, 0.5]
    assert found[0].values == {} and varied_fields(found) == []
