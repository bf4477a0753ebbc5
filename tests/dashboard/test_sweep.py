import pytest

from dashboard.components.train.sweep import together, unused
from pipeline.data.store import (
    load_dataset,
)
from pipeline.runs import list_runs
from pipeline.training.estimate import cost_key, keep_estimate
from tests.dashboard.shown_form import (
    button,
    checked,
    command,
    config_of,
    form,
)
from tests.training.test_estimate import some_estimate

pytestmark = pytest.mark.usefixtures("two_datasets")


def test_a_sweep_starts_a_run_for_each_combination():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    assert not any(each.label.startswith("Start") for each in at.button)
    fields = at.multiselect(key="train.sweep.fields")
    assert "learning rate" in fields.options and "dataset" not in fields.options
    fields.set_value(["learning_rate", "optimizer", "widths"]).run()
    at.text_input(key="train.sweep.learning_rate").set_value("0.01  0.003")
    at.multiselect(key="train.sweep.optimizer").set_value(["sgd", "adam"])
    at.text_input(key="train.sweep.widths").set_value("8,16 8,16,32").run()
    assert "--vary 'learning-rate=0.01 0.003' --vary 'optimizer=sgd adam'" in command(checked(at))
    button(at, "Start 8 trainings").click().run()
    notes = [run.notes() for run in list_runs()]
    assert {each.experiment for each in notes} == {"learning rate × optimizer × widths"}
    assert "learning rate 0.003 · optimizer adam · widths 8,16" in [each.name for each in notes]
    assert at.text_input(key="train.sweep.name").placeholder.endswith("widths 2")


def test_a_sweep_lets_go_of_what_is_not_there_any_more():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    at.multiselect(key="train.sweep.fields").set_value(["widths", "seed"]).run()
    at.text_input(key="train.sweep.seed").set_value("1 2")
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert at.multiselect(key="train.sweep.fields").value == ["seed"]
    assert button(checked(at), "Start 2 trainings")


def test_a_sweep_keeps_what_was_typed_for_a_field_that_does_not_apply_for_the_moment():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    at.multiselect(key="train.sweep.fields").set_value(["plateau_patience", "seed"]).run()
    at.text_input(key="train.sweep.plateau_patience").set_value("1 2 3")
    at.text_input(key="train.sweep.name").set_value("mine").run()
    at.selectbox(key="train.schedule").set_value("cosine").run()
    assert at.multiselect(key="train.sweep.fields").value == ["seed"]
    at.multiselect(key="train.sweep.fields").set_value([]).run()
    at.selectbox(key="train.schedule").set_value("plateau").run()
    assert at.multiselect(key="train.sweep.fields").value == ["plateau_patience"]
    assert "mine" in command(checked(at)) and "plateau-patience=1 2 3" in command(at)


def test_a_wrong_value_of_a_sweep_is_told_in_one_sentence():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    at.multiselect(key="train.sweep.fields").set_value(["learning_rate"]).run()
    at.text_input(key="train.sweep.learning_rate").set_value("0.01 fast").run()
    assert not at.exception
    assert "learning" in at.error[0].value and "fast" in at.error[0].value
    assert not any(each.label.startswith("Start") for each in at.button)


def test_a_sweep_says_how_long_it_takes_where_all_of_it_is_known():
    configs = [config_of(epochs=epochs) for epochs in (1, 3)]
    assert together(configs) is None
    key = cost_key(configs[0], load_dataset("plain"))
    keep_estimate(key, some_estimate(epoch_s=20.0, start_s=9.0))
    assert together(configs) == 2 * 9.0 + 4 * 20.0
    assert together([*configs, config_of(batch_size=32)]) is None


def test_a_suggested_name_is_not_taken():
    assert unused("seed", set()) == "seed"
    assert unused("seed", {"seed", "seed 2"}) == "seed 3"
