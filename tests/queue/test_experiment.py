import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.queue.experiment import (
    MAX_RUNS,
    differing_fields,
    experiment_command,
    fields_of,
    submit_experiment,
    vary,
)
from pipeline.runs import list_runs

PLAIN = TrainConfig(dataset="sample", epochs=3)


def test_every_combination_comes_in_the_order_given_with_its_title():
    runs = vary(PLAIN, {"learning_rate": ["0.01", "0.003"], "widths": ["8,16", "4"]})

    assert [title for title, _ in runs] == [
        "learning rate 0.01 · widths 8,16",
        "learning rate 0.01 · widths 4",
        "learning rate 0.003 · widths 8,16",
        "learning rate 0.003 · widths 4",
    ]
    configs = [config for _, config in runs]
    assert [config.learning_rate for config in configs] == [0.01, 0.01, 0.003, 0.003]
    assert [config.model.model_dump()["widths"] for config in configs[:2]] == [(8, 16), (4,)]
    assert {config.epochs for config in configs} == {3}
    assert differing_fields(configs) == ["learning_rate", "widths"]


def test_combinations_of_the_same_training_count_once():
    for varied, titles in [
        ({"seed": ["1", "2", "1", "01"]}, ["seed 1", "seed 2"]),
        ({"plateau_factor": ["0.5", "0.50", "0.3"]}, ["plateau factor 0.5", "plateau factor 0.3"]),
        (
            {"targets": ["labels", "blend"], "vote_share": ["0.1", "0.2"]},
            [
                "targets labels · vote share 0.1",
                "targets blend · vote share 0.1",
                "targets blend · vote share 0.2",
            ],
        ),
        (
            {"schedule": ["cosine", "plateau"], "plateau_cooldown": ["0", "1"]},
            [
                "schedule cosine · plateau cooldown 0",
                "schedule plateau · plateau cooldown 0",
                "schedule plateau · plateau cooldown 1",
            ],
        ),
    ]:
        assert [title for title, _ in vary(PLAIN, varied)] == titles


def test_the_fields_of_the_architecture_have_their_defaults_where_it_is_varied():
    base = PLAIN.model_copy(update={"model": type(PLAIN.model)(widths=(8,))})

    small, large = vary(base, {"architecture": ["custom_cnn", "vgg16"]})

    assert small[1].model == base.model
    assert large[1].architecture == "vgg16" and large[1].model.weights == "imagenet"
    assert "architecture" in differing_fields([small[1], large[1]])


def test_what_cannot_be_varied_is_one_sentence():
    for varied, sentence in [
        ({}, "Say which field to vary. Choose from: exclude, architecture"),
        ({"rate": ["1"]}, "'rate' cannot be varied. Choose from"),
        ({"dataset": ["a", "b"]}, "'dataset' cannot be varied"),
        ({"seed": []}, "Give the values of seed"),
        ({"epochs": ["5", "many"]}, "epochs = 'many' is wrong"),
        ({"optimizer": ["lion"]}, "optimizer = 'lion' is wrong.*'sgd', 'adam' or 'adamw'"),
        ({"head_epochs": ["1"]}, "'head_epochs' is no field of the architecture 'custom_cnn'"),
        ({"vote_share": ["0.1", "0.2"]}, "vote_share has no effect in .* needs targets blend"),
        (
            {"early_stopping_patience": ["0"], "early_stopping_monitor": ["val_loss"]},
            "early_stopping_monitor has no effect.* early_stopping_patience other than 0",
        ),
        (
            {"architecture": ["vgg16"], "weights": ["none"], "head_epochs": ["1", "2"]},
            "head_epochs has no effect in these runs: it needs weights other than none",
        ),
        (dict.fromkeys(("seed", "epochs", "zoom", "shift"), ["1"]), "4 fields are varied: take 3"),
        ({"seed": list(map(str, range(MAX_RUNS + 1)))}, "That makes 101 runs: take fewer"),
    ]:
        with pytest.raises(UserError, match=sentence):
            vary(PLAIN, varied)


def test_an_experiment_is_queued_in_its_order_under_one_name(sample, no_worker):
    configurations = vary(PLAIN, {"seed": ["5", "3", "4"]})

    runs = submit_experiment(" seeds ", configurations)

    assert [run.config().train.seed for run in queue.queued_runs()] == [5, 3, 4]
    assert [run.notes().name for run in runs] == ["seed 5", "seed 3", "seed 4"]
    assert {run.notes().experiment for run in runs} == {"seeds"}
    assert no_worker == [["work"]]


def test_without_a_name_or_where_a_run_cannot_be_made_there_are_no_runs(sample, no_worker):
    votes = vary(PLAIN, {"targets": ["labels", "votes"]})
    for name, configurations, sentence in [
        ("targets", votes, "has no FER. votes"),
        ("  ", vary(PLAIN, {"seed": ["1"]}), "Give the experiment a name"),
    ]:
        with pytest.raises(UserError, match=sentence):
            submit_experiment(name, configurations)
        assert list_runs() == [] and no_worker == []


def test_the_command_of_an_experiment_names_what_varies_and_what_does_not():
    command = experiment_command("first rates", PLAIN, {"learning_rate": ["0.01", "0.003"]})

    assert command == (
        "python -m pipeline experiment 'first rates' --vary 'learning-rate=0.01 0.003' "
        "--dataset sample --architecture custom_cnn --epochs 3"
    )


def test_fields_of_configurations_differ_or_are_missing():
    small = TrainConfig(dataset="d", seed=3)
    large = TrainConfig(dataset="d", architecture="vgg16", learning_rate=1e-4)

    names = differing_fields([small, large])

    assert {"seed", "architecture", "learning_rate", "widths", "weights"} <= set(names)
    assert not {"epochs", "dataset", "rotation"} & set(names)
    assert "widths" not in fields_of(large) and "widths" in fields_of(small)
    for name in names:
        one, other = (fields_of(each).get(name, "missing") for each in (small, large))
        assert one != other, name
    assert differing_fields([small]) == differing_fields([small, small]) == []
