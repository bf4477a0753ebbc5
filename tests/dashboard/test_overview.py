"""The Overview page."""

import pytest

from dashboard import resources
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.runs import create_run, model_names
from pipeline.storage import write_json
from tests.dashboard.made_runs import home, make_running
from tests.dashboard.pages import labels, links, press, texts
from tests.evaluation.makers import make_dataset, make_run


def test_the_next_step_is_the_import_then_training(nothing_bundled, request):
    at = home()
    assert at.title[0].value == "Emotion Detector"
    assert "Explore facial-emotion data" in at.markdown[0].value
    assert not at.exception and not at.error
    at.button[0].click().run()
    assert at.title[0].value == "Dataset"

    request.getfixturevalue("two_datasets")
    assert labels(home()) == ["Train a model"]


def test_the_next_step_after_a_training_is_ones_own_run_and_cards_are_links(sample):
    own = make_run(load_dataset("sample"), "validation", skill=3.0)
    at = home()
    assert not at.exception and not at.error
    assert labels(at) == ["Evaluate", "Try live"], "nothing of its data to compare it with"
    title = model_names()[own.name]
    assert f"Try your run {title}" in texts(at)
    assert "sample · validation, the most accurate first" in texts(at)
    assert "% (" in texts(at)
    assert links(at) == ["sample", "custom_cnn", "resnet50v2", title], "synthetic ones come last"
    assert texts(at).count(":orange-badge[synthetic]") == 2, "the data set and its model"
    press(at, "Evaluate")
    assert at.selectbox(key="evaluate_model").value == own.name


def test_bundled_models_are_no_training_of_ones_own(two_datasets):
    at = home()
    assert labels(at) == ["Train a model", "Try the bundled models live"]
    run = make_running("mine")
    assert labels(home()) == ["Watch the training", "Try the bundled models live"]
    at = press(home(), "Watch the training")
    assert at.session_state["train.run"] == run.name


def test_the_best_other_model_of_the_same_data_is_the_one_to_compare_with(nothing_bundled):
    dataset = make_dataset()
    runs = [make_run(dataset, "held_out", seed=i, skill=3.0 - i) for i in range(3)]
    best = max(resources.models(), key=lambda entry: entry.accuracy or 0)
    assert best.run.name == runs[0].name
    at = press(home(), "Compare with the best")
    assert set(at.multiselect(key="compare_models").value) < {run.name for run in runs}
    assert best.run.name in at.multiselect(key="compare_models").value


@pytest.mark.usefixtures("two_datasets")
def test_a_damaged_data_set_and_a_queued_run_are_shown_beside_the_others(empty_workspace):
    broken = empty_workspace / "datasets" / "broken"
    broken.mkdir()
    (broken / "meta.json").write_text("{")
    run = create_run(TrainConfig(dataset="plain"), load_dataset("plain").fingerprint)
    at = home()
    assert not at.exception
    assert "'broken' is damaged" in at.error[0].value
    assert "18 faces" in texts(at) and "plain" in links(at)
    assert "Running and queued" in [header.value for header in at.header]
    assert model_names()[run.name] in links(at)


def test_the_interval_of_an_evaluation_stored_by_an_older_version_is_computed(empty_workspace):
    dataset = make_dataset()
    run = make_run(dataset)
    path = run.evaluation_path(dataset.fingerprint, "validation") / "metrics.json"
    path.parent.mkdir()
    write_json(path, {"accuracy": 1.0, "n": 5, "accuracy_interval": [1.0, 1.0]})
    (entry,) = [each for each in resources.models() if each.run.name == run.name]
    assert (entry.accuracy, entry.split) == (1.0, "validation")
    assert entry.interval == pytest.approx((0.566, 1.0), abs=5e-4)
