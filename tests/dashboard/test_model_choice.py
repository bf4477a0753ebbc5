"""The menus of models: what they show, which model they take first, and what they warn of."""

import re
from unittest import mock

import pytest

from dashboard import resources
from pipeline.data.store import load_dataset, rename_dataset
from pipeline.runs import Notes, Run
from tests.dashboard.made_runs import home
from tests.dashboard.pages import open_page, texts
from tests.evaluation.makers import make_dataset, make_run, store_evaluation


def named(run: Run, name: str) -> Run:
    run.write_notes(Notes(name=name))
    return run


@pytest.fixture
def models(nothing_bundled, sample) -> dict[str, Run]:
    """Two models of the sample, which is renamed, two of `faces`, one of them not evaluated."""
    faces = make_dataset()
    synthetic, real = load_dataset("sample"), {"split": "held_out"}
    made = {
        "drawn": named(make_run(synthetic, "validation", skill=9.0), "drawn"),
        "weak": named(make_run(faces, **real, skill=1.0), "weak"),
        "new": named(make_run(faces, evaluated=False), "new"),
        "strong": named(make_run(faces, **real, skill=3.0), "strong"),
    }
    rename_dataset("sample", "fer2013")
    return made


def test_models_are_grouped_by_data_best_first_and_synthetic_ones_come_last(models):
    labels = [entry.label for entry in resources.models()]
    assert [re.split(" — |, ", label)[:2] for label in labels] == [
        ["strong", "faces"],
        ["weak", "faces"],
        ["new", "faces"],
        ["drawn", "fer2013"],
    ]
    assert labels[0].endswith("% held out") and labels[2].endswith("not evaluated")
    assert "synthetic faces" in labels[3] and labels[3].endswith("% validation")

    at = open_page("evaluate")
    menu = at.selectbox(key="evaluate_model")
    assert (menu.value, menu.options) == (models["strong"].name, labels)
    preselected = {models[name].name for name in ("strong", "weak", "new")}
    assert set(open_page("compare").multiselect(key="compare_models").value) == preselected


def test_evaluate_follows_the_model_to_its_data_and_keeps_it_on_other_data(models):
    at = open_page("evaluate")
    assert at.selectbox(key="evaluate_dataset").value == "faces"
    at.selectbox(key="evaluate_model").set_value(models["drawn"].name).run()
    assert at.selectbox(key="evaluate_dataset").value == "fer2013"
    assert at.selectbox(key="evaluate_split").value == "validation"
    assert "synthetic faces" not in texts(at) and at.metric

    at.selectbox(key="evaluate_dataset").set_value("faces").run()
    assert at.selectbox(key="evaluate_model").value == models["drawn"].name
    assert "has not been evaluated on **faces" in texts(at) and "on synthetic faces" in texts(at)
    assert at.button(key="evaluate_start").label == "Evaluate"
    assert at.query_params["evaluate_model"] == models["drawn"].name


def test_train_duplicates_matter_only_to_models_of_that_data(models):
    faces, synthetic = load_dataset("faces"), load_dataset("fer2013")
    with mock.patch("dashboard.resources.duplicates", lambda subset: faces.ids[:1]):
        at = open_page("evaluate", model=models["strong"].name)
        assert at.toggle(key="evaluate_without_twins")
        store_evaluation(models["drawn"], faces, "test")
        at = open_page("evaluate", model=models["drawn"].name, dataset="faces", split="test")
        assert at.metric and "evaluate_without_twins" not in [each.key for each in at.toggle]
    assert synthetic.fingerprint != faces.fingerprint


def test_live_takes_no_model_of_synthetic_faces_unless_it_is_chosen(nothing_bundled, sample):
    run = named(make_run(load_dataset("sample"), "validation"), "drawn")
    at = home()
    at.switch_page("app_pages/live.py").run()
    assert at.selectbox(key="live_model").value is None and not at.exception
    assert "were trained on synthetic faces" in texts(at)
    at.selectbox(key="live_model").set_value(run.name)
    with mock.patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
        at.run()
    assert "drawn: trained on synthetic faces" in texts(at)
