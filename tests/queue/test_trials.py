import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.queue.experiment import vary
from pipeline.queue.trial_summary import numeric_fields, trial_names, trial_summary, varied_fields
from pipeline.queue.trials import experiments, read_trials
from pipeline.runs import Notes, Run, RunTable, create_run

PLAIN = TrainConfig(dataset="sample")


def make_runs(varied: dict[str, list[str]], accuracies: list[float | None]) -> list[Run]:
    """Make an experiment of runs of two epochs, the second of which is the better one."""
    runs = []
    for (title, config), accuracy in zip(vary(PLAIN, varied), accuracies, strict=True):
        run = create_run(config, "f" * 64, notes=Notes(name=title, experiment="e"))
        if accuracy is not None:
            run.history_path.write_text(
                "epoch,seconds,val_accuracy,val_macro_f1\n"
                f"0,70,0.1,0.1\n1,80,{accuracy},{accuracy - 0.1:.2f}\n"
            )
        run.update_status(state="finished")
        runs.append(run)
    return runs


def trials():
    rows = experiments(RunTable().rows())["e"]
    return read_trials(sorted(rows, key=lambda row: row.title))


def test_trials_are_labeled_by_what_varies_and_the_best_is_first():
    make_runs({"learning_rate": ["0.1", "0.01"], "seed": ["1", "2"]}, [0.3, 0.4, None, 0.6])

    found = trials()

    assert [trial.accuracy for trial in found] == [0.6, 0.4, 0.3, None]
    assert found[0].macro_f1 == pytest.approx(0.5)
    assert [trial.seconds for trial in found] == [150, 150, 150, None]
    fields = varied_fields(found)
    assert fields == ["learning_rate", "seed"]
    assert trial_names(found, fields)[0] == "learning rate 0.01 · seed 2"
    assert trial_names(found, fields, with_field_names=False)[0] == "0.01 · 2"
    assert numeric_fields(found, fields) == ["learning_rate"]


@pytest.mark.parametrize(
    ("varied", "accuracies", "sentence"),
    [
        (
            {"learning_rate": ["0.1", "0.01"], "seed": ["1", "2"]},
            [0.3, 0.4, None, 0.6],
            "Best: learning rate 0.01 · seed 2 with an accuracy of 60.0%, 20.0 points ahead of "
            "learning rate 0.1 · seed 2 (40.0%).",
        ),
        (
            {"seed": ["1", "2", "3"]},
            [0.59, 0.6, 0.61],
            "3 seeds, mean ± standard deviation: accuracy 60.0 ± 1.0%, macro F1 0.500 ± 0.010.",
        ),
        (
            {"dropout": ["0.1", "0.2", "0.3"]},
            [0.5, 0.5, 0.4],
            "Tied: dropout 0.1 and dropout 0.2 with an accuracy of 50.0%, 10.0 points ahead of "
            "dropout 0.3 (40.0%).",
        ),
        (
            {"dropout": ["0.1", "0.2"]},
            [0.6, 0.6001],
            "Tied: dropout 0.2 and dropout 0.1 with an accuracy of 60.0%.",
        ),
        (
            {"dropout": ["0.1", "0.2", "0.3", "0.4", "0.5"]},
            [0.2] * 5,
            "Tied: dropout 0.1, dropout 0.2, dropout 0.3 and 2 more with an accuracy of 20.0%.",
        ),
        (
            {"schedule": ["constant", "cosine"]},
            [None, None],
            "No run has finished an epoch yet.",
        ),
        (
            {"schedule": ["constant", "cosine"]},
            [None, 0.5],
            "Best: schedule cosine with an accuracy of 50.0%.",
        ),
    ],
    ids=["one leads", "seeds", "two lead", "almost equal", "many", "none yet", "one so far"],
)
def test_the_summary_names_the_best_trials_and_their_lead(varied, accuracies, sentence):
    make_runs(varied, accuracies)

    assert trial_summary(trials()) == sentence


def test_nobody_leads_while_runs_are_under_way():
    first, _ = make_runs({"dropout": ["0.1", "0.2"]}, [0.6, 0.2])
    first.update_status(state="queued")

    sentence = "Best so far: dropout 0.1 with an accuracy of 60.0%."
    assert trial_summary(trials()) == sentence


def test_equal_runs_are_distinguished_by_their_own_names():
    run, other = (*make_runs({"seed": ["1"]}, [0.5]), *make_runs({"seed": ["1"]}, [0.4]))

    found = trials()

    assert trial_names(found, varied_fields(found)) == [
        f"seed 1 · {run.name[-4:]}",
        f"seed 1 · {other.name[-4:]}",
    ]


def test_a_damaged_run_is_a_trial_without_values():
    broken, _ = make_runs({"seed": ["1", "2"]}, [0.7, 0.5])
    broken.config_path.write_text("{")

    found = trials()

    assert [trial.accuracy for trial in found] == [0.7, 0.5]
    assert found[0].values == {} and varied_fields(found) == []
