import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.train.place import RUN, VIEW
from pipeline.runs import Notes, Run, create_run
from pipeline.training.config import TrainConfig
from pipeline.training.experiment import vary
from tests.dashboard.clicks import drawn
from tests.evaluation.makers import make_dataset
from tests.evaluation.makers import make_run as make_model

PLAIN = TrainConfig(dataset="faces")
RATES = {"learning_rate": ["0.1", "0.01", "0.001"]}


def make_runs(name: str, varied: dict[str, list[str]], accuracies: list[float]) -> list[Run]:
    runs = []
    for (title, config), accuracy in zip(vary(PLAIN, varied), accuracies, strict=True):
        run = create_run(config, "f" * 64, notes=Notes(name=title, experiment=name))
        run.history_path.write_text(f"epoch,val_accuracy,val_macro_f1\n0,{accuracy},0.3\n")
        run.log_path.write_text("- epoch 0: loss 1.9 (70 s)\n")
        run.update_status(state="finished", epoch=1)
        runs.append(run)
    return runs


def page() -> None:
    from dashboard.components.train.experiments import show_experiments

    show_experiments()


def open_page() -> AppTest:
    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    return at


def test_without_an_experiment_the_next_step_is_said():
    assert "try several values" in open_page().caption[0].value


def test_the_runs_of_an_experiment_stand_best_first_with_what_varies():
    make_runs("rates", RATES, [0.4, 0.6, 0.5])

    at = open_page()

    assert at.markdown[0].value.replace("\\", "") == (
        "Best: learning rate 0.01 with an accuracy of 60.0 %, 10.0 points ahead of learning rate "
        "0.001 (50.0 %)."
    )
    table = at.dataframe[0].value
    assert list(table) == [
        *("learning rate", "accuracy", "macro F1", "epochs done", "time", "state", "run"),
    ]
    assert table["learning rate"].tolist() == ["0.01", "0.001", "0.1"]
    assert table["accuracy"].tolist() == pytest.approx([60, 50, 40])
    assert table["time"].tolist() == ["1 min 10 s"] * 3
    assert [line["name"] for line in drawn(at, "train.trials.epochs")] == ["0.1", "0.001", "0.01"]
    assert len(drawn(at, "train.trials.fields")) == 2


def test_the_newest_experiment_is_shown_first_and_another_can_be_chosen():
    make_runs("a", {"seed": ["1", "2"]}, [0.5, 0.6])
    make_runs("b", {"optimizer": ["adam", "sgd"]}, [0.5, 0.6])
    at = open_page()
    assert set(at.selectbox[0].options) == {"a", "b"}

    at.selectbox[0].set_value("a").run()

    assert "2 seeds, mean ± standard deviation" in at.markdown[0].value.replace("\\", "")
    assert len(at.get("plotly_chart")) == 1


def test_the_best_run_is_opened_from_its_experiment():
    _, best, _ = make_runs("rates", RATES, [0.4, 0.6, 0.5])

    def both() -> None:
        from dashboard.components.train.experiments import show_experiments
        from dashboard.components.train.place import choose_view

        if choose_view(runs=True, experiments=True) == "Experiments":
            show_experiments()

    at = AppTest.from_function(both)
    at.session_state[VIEW] = "Experiments"
    at.run()
    at.button[0].click().run()

    assert (at.session_state[VIEW], at.session_state[RUN]) == ("Runs", best.name)


def test_level_runs_have_no_best_one_to_open():
    make_runs("rates", RATES, [0.5, 0.5, 0.5])

    assert [button.label for button in open_page().button] == ["Open the first run"]


def test_varied_epochs_stand_beside_the_epochs_done():
    for run in make_runs("long", {"epochs": ["3", "5"]}, [0.4, 0.6]):
        run.update_status(epochs=run.config().train.epochs + 2)

    table = open_page().dataframe[0].value

    assert table["epochs"].tolist() == ["5", "3"]
    assert table["epochs done"].tolist() == ["1/7", "1/5"]


def test_models_of_an_experiment_can_be_compared():
    dataset = make_dataset()
    for seed in (1, 2):
        make_model(dataset, seed=seed).write_notes(Notes(experiment="seeds"))

    labels = [button.label for button in open_page().button]

    assert labels == ["Open the first run", "Compare these"]


def test_a_run_that_is_damaged_or_was_deleted_does_not_break_the_page():
    broken, gone, whole = make_runs("rates", RATES, [0.4, 0.6, 0.5])
    broken.config_path.write_text("{")
    at = open_page()
    gone.remove()

    at.run()

    assert not at.exception
    assert at.dataframe[0].value["run"].tolist() == ["learning rate 0.001", "learning rate 0.1"]
    whole.remove()
    broken.remove()
    assert "try several values" in at.run().caption[0].value
