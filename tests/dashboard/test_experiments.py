"""Several values in the form of a new run, and the experiment that they become."""

from importlib.util import find_spec

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.train.navigation import RUN, VIEW
from dashboard.views.train.sweep import total_time
from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset
from pipeline.queue.experiment import vary
from pipeline.queue.search import NOT_PROMISING, Search, searches
from pipeline.runs import Notes, Run, create_run, list_runs
from pipeline.training.estimate import cost_key, save_estimate
from tests.dashboard.pages import as_shown, labels, press, texts, traces
from tests.dashboard.shown_form import command, config_of, form, without_error
from tests.evaluation.makers import make_dataset
from tests.evaluation.makers import make_run as make_model
from tests.training.test_estimate import some_estimate

pytestmark = pytest.mark.usefixtures("two_datasets")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")
RATES = {"learning_rate": ["0.1", "0.01", "0.001"]}


def sweep_form(*fields: str) -> AppTest:
    """Show the form with these fields to vary."""
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    assert not any(label.startswith("Start") for label in labels(at))
    at.multiselect(key="train.sweep.fields").set_value(list(fields)).run()
    return at


def test_a_sweep_of_one_value_says_that_it_is_a_plain_training():
    at = sweep_form("learning_rate")
    assert "1 run: a plain training, add values to compare" in texts(at)
    at.multiselect(key="train.sweep.learning_rate").set_value(["0.01", "0.003"]).run()
    assert "**2 runs** · total time after an estimate" in texts(at)


@pytest.mark.slow
def test_a_sweep_starts_a_run_for_each_combination():
    at = sweep_form("learning_rate", "optimizer", "widths")
    options = at.multiselect(key="train.sweep.fields").options
    assert "learning rate" in options and "data set" not in options
    at.multiselect(key="train.sweep.learning_rate").set_value(["0.01", "0.003"])
    at.multiselect(key="train.sweep.optimizer").set_value(["sgd", "adam"])
    at.multiselect(key="train.sweep.widths").set_value(["8,16", "8,16,32"]).run()
    assert "--vary 'learning-rate=0.01 0.003' --vary 'optimizer=sgd adam'" in command(at)
    for suffix in ("", " 2"):
        assert at.text_input(key="train.sweep.name").placeholder.endswith(f"widths{suffix}")
        press(at, "Start 8 trainings")
    notes = [run.notes() for run in list_runs()]
    name = "learning rate × optimizer × widths"
    assert {each.experiment for each in notes} == {name, f"{name} 2"}
    assert "learning rate 0.003 · optimizer adam · widths 8,16" in [each.name for each in notes]
    assert at.text_input(key="train.sweep.name").placeholder.endswith("widths 3")


@pytest.mark.slow
def test_a_sweep_remembers_fields_that_do_not_apply_at_present():
    at = sweep_form("plateau_patience", "widths", "seed")
    at.multiselect(key="train.sweep.plateau_patience").set_value(["1", "2", "3"])
    at.multiselect(key="train.sweep.seed").set_value(["1", "2"])
    at.text_input(key="train.sweep.name").set_value("my sweep").run()
    at.selectbox(key="train.architecture").set_value("vgg16")
    at.selectbox(key="train.schedule").set_value("cosine").run()
    assert at.multiselect(key="train.sweep.fields").value == ["seed"]
    assert "Start 2 trainings" in labels(without_error(at))
    at.multiselect(key="train.sweep.fields").set_value([]).run()
    at.selectbox(key="train.schedule").set_value("plateau").run()
    assert at.multiselect(key="train.sweep.fields").value == ["plateau_patience"]
    assert "my sweep" in command(at) and "plateau-patience=1 2 3" in command(at)


def test_a_wrong_value_of_a_sweep_is_one_sentence():
    at = sweep_form("learning_rate")
    at.multiselect(key="train.sweep.learning_rate").set_value(["0.01", "fast"]).run()
    assert not at.exception
    assert [error.value for error in at.error] == ["'fast' is wrong: it should be a number."]
    assert not any(label.startswith("Start") for label in labels(at))


def test_a_value_that_no_run_can_be_made_with_is_one_sentence_at_the_sweep():
    plain = load_dataset("plain")
    exclude(plain, "all", dict.fromkeys(plain.ids.tolist(), "by hand"))
    at = sweep_form("exclude")
    for name, words in (("gone", "'gone'"), ("all", "Every face of 'train'")):
        at.multiselect(key="train.sweep.exclude").set_value(["none", name]).run()

        (error,) = at.error
        assert not at.exception and words in as_shown(error.value), name
        assert not any(label.startswith("Start") for label in labels(at)), name


@pytest.mark.slow
def test_the_total_time_of_a_sweep_is_known_with_an_estimate_for_each_run():
    configs = [config_of(epochs=epochs) for epochs in (1, 3)]
    assert total_time(configs) is None
    key = cost_key(configs[0], load_dataset("plain"))
    save_estimate(key, some_estimate(epoch_s=20.0, start_s=9.0))
    assert total_time(configs) == 2 * 9.0 + 4 * 20.0
    assert total_time([*configs, config_of(batch_size=32)]) is None

    at = sweep_form("epochs")
    at.multiselect(key="train.sweep.epochs").set_value(["1", "3"]).run()
    assert "**2 runs** · at most 1 min 38 s in total" in texts(at)
    at.multiselect(key="train.sweep.fields").set_value(["epochs", "batch_size"]).run()
    at.multiselect(key="train.sweep.batch_size").set_value(["16", "32"]).run()
    assert "**4 runs** · total time after 2 estimates" in texts(at)


def make_runs(name: str, varied: dict[str, list[str]], accuracies: list[float]) -> list[Run]:
    runs, common = [], TrainConfig(dataset="faces")
    for (title, config), accuracy in zip(vary(common, varied), accuracies, strict=True):
        run = create_run(config, "f" * 64, notes=Notes(name=title, experiment=name))
        run.history_path.write_text(f"epoch,val_accuracy,val_macro_f1\n0,{accuracy},0.3\n")
        run.log_path.write_text("- epoch 0: loss 1.9 (70 s)\n")
        run.update_status(state="finished", epoch=1)
        runs.append(run)
    return runs


def experiments() -> AppTest:
    def page() -> None:
        from dashboard.views.train.experiments import show_experiments
        from dashboard.views.train.navigation import EXPERIMENTS, select_view

        if select_view(runs=True, experiments=True) == EXPERIMENTS:
            show_experiments()

    at = AppTest.from_function(page, default_timeout=30)
    at.session_state[VIEW] = "Experiments"
    at.run()
    assert not at.exception
    return at


def test_the_runs_of_an_experiment_are_listed_best_first_and_the_best_is_opened():
    assert "try several values" in texts(experiments()).casefold()
    _, best, _ = make_runs("rates", RATES, [0.4, 0.6, 0.5])

    at = experiments()

    assert (
        "Best: learning rate 0.01 with an accuracy of 60.0%, 10.0 points ahead of learning rate "
        "0.001 (50.0%)."
    ) in texts(at)
    table = at.dataframe[0].value
    assert list(table) == [
        *("learning rate", "accuracy", "macro F1", "epochs done", "time", "state", "run")
    ]
    assert table["learning rate"].tolist() == ["0.01", "0.001", "0.1"]
    assert table["accuracy"].tolist() == pytest.approx([60, 50, 40])
    assert table["time"].tolist() == ["1 min 10 s"] * 3
    assert [line["name"] for line in traces(at, "train.trials.epochs")] == ["0.1", "0.001", "0.01"]
    assert len(traces(at, "train.trials.fields")) == 2

    press(at, "Open the best run")
    assert (at.session_state[VIEW], at.session_state[RUN]) == ("Runs", best.name)


def test_another_experiment_can_be_selected():
    make_runs("a", {"seed": ["1", "2"]}, [0.5, 0.6])
    make_runs("b", {"optimizer": ["adam", "sgd"]}, [0.5, 0.5])
    at = experiments()
    assert set(at.selectbox[0].options) == {"a", "b"}

    at.selectbox[0].set_value("b").run()
    assert "Open the first run" in labels(at)  # both are equally good

    at.selectbox[0].set_value("a").run()
    assert "2 seeds, mean ± standard deviation" in texts(at)
    assert len(at.get("plotly_chart")) == 1


def test_varied_epochs_stand_beside_the_epochs_done():
    for run in make_runs("long", {"epochs": ["3", "5"]}, [0.4, 0.6]):
        run.update_status(epochs=run.config().train.epochs + 2)

    table = experiments().dataframe[0].value

    assert table["epochs"].tolist() == ["5", "3"]
    assert table["epochs done"].tolist() == ["1/7", "1/5"]


def test_models_of_an_experiment_can_be_compared():
    dataset = make_dataset()
    for seed in (1, 2):
        make_model(dataset, seed=seed).write_notes(Notes(experiment="seeds"))

    assert labels(experiments()) == ["Open the first run", "Compare these"]


def test_a_damaged_or_deleted_run_does_not_break_the_page():
    broken, gone, whole = make_runs("rates", RATES, [0.4, 0.6, 0.5])
    broken.config_path.write_text("{")
    at = experiments()
    gone.remove()

    at.run()

    assert not at.exception
    assert at.dataframe[0].value["run"].tolist() == ["learning rate 0.001", "learning rate 0.1"]
    whole.remove()
    broken.remove()
    assert "No experiment yet" in texts(at.run())


@pytest.mark.slow
@needs_ray
def test_ranges_become_a_search(endless):
    at = sweep_form("learning_rate", "widths")
    at.segmented_control(key="train.sweep.kind").set_value("Search ranges").run()
    assert not any(label.startswith("Search 16") for label in labels(at))  # one value of widths
    at.select_slider(key="train.space.learning_rate").set_value((1e-4, 1e-1))
    at.multiselect(key="train.sweep.widths").set_value(["16,32", "8,16"])
    at.number_input(key="train.space.samples").set_value(20).run()

    assert "--space 'learning_rate=log(0.0001,0.1) widths=16,32|8,16'" in command(at)
    assert "**20 trials** · asha · at most 800 epochs in total" in texts(at)
    at.selectbox(key="train.space.method").set_value("bayes")
    at.number_input(key="train.space.samples").set_value(5).run()
    assert "5 trials are too few: bayes needs 11" in at.error[0].value
    at.number_input(key="train.space.samples").set_value(11).run()
    press(at, "Search 11 trials")
    (search,) = searches().values()
    assert (search.name, search.algorithm) == ("learning rate × widths", "bayes")
    assert [process.args[-3:] for process in endless] == [["search-run", "--", search.name]]


def test_a_search_tells_how_far_it_is_and_goes_on():
    config = TrainConfig(dataset="plain")
    search = Search.make("rates", config, "learning_rate=log(1e-3,1e-1)", 4, "asha", seed=0)
    search.save()
    at = experiments()
    assert "0 of 4 trials have ended" in texts(at) and labels(at) == ["Resume search"]

    cut, _, _ = make_runs("rates", RATES, [0.4, 0.6, 0.5])
    cut.update_status(state="stopped", message=NOT_PROMISING)
    at = experiments()
    assert "3 of 4 trials have ended, 1 of them early, as not promising" in texts(at)
    assert at.dataframe[0].value["state"].tolist()[-1].endswith("stopped: not promising")
    search.model_copy(update={"finished": True}).save()
    assert "Resume search" not in labels(experiments())
