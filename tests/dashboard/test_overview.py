import shutil

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.units import accuracy_with_interval, duration, size
from pipeline.runs import create_run
from pipeline.training.config import TrainConfig
from pipeline.workspace import PROJECT

HOME = str(PROJECT / "dashboard" / "Home.py")


def overview() -> AppTest:
    return AppTest.from_file(HOME, default_timeout=60).run()


def words(at: AppTest) -> str:
    return "\n".join(element.value for kind in (at.markdown, at.caption) for element in kind)


@pytest.fixture
def only_data(trained, empty_workspace):
    shutil.copytree(trained / "datasets", empty_workspace / "datasets")
    return empty_workspace


def test_empty_overview_says_what_this_is_and_leads_to_the_import(monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path)
    at = overview()
    assert at.title[0].value == "Emotion Detector"
    assert "Explore facial-emotion data" in at.markdown[0].value
    assert not at.exception and not at.error
    at.button[0].click().run()
    assert at.title[0].value == "Dataset"


def test_overview_with_data_only_leads_to_training(only_data, monkeypatch, tmp_path):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path)
    at = overview()
    assert [button.label for button in at.button] == ["Train a model"]
    assert "**sample** · 1,400 faces" in words(at)


def test_filled_overview_shows_the_model_with_its_interval_and_leads_on(filled_workspace):
    at = overview()
    assert not at.exception and not at.error
    assert [button.label for button in at.button] == ["Evaluate", "Go live"]
    assert " % (" in words(at)
    assert "sample, validation" in words(at)


def test_a_damaged_data_set_is_told_and_the_others_stay(only_data):
    (only_data / "datasets" / "broken").mkdir()
    (only_data / "datasets" / "broken" / "meta.json").write_text("{")
    at = overview()
    assert not at.exception
    assert "'broken' is damaged" in at.error[0].value
    assert "**sample** · 1,400 faces" in words(at)


def test_a_waiting_run_is_shown(only_data):
    run = create_run(TrainConfig(dataset="sample"), "f" * 64)
    at = overview()
    assert "Runs now" in [header.value for header in at.subheader]
    assert run.name in words(at).replace("\\", "")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (duration(200), "3 min 20 s"),
        (duration(59.6), "1 min 0 s"),
        (duration(7260), "2 h 1 min"),
        (size(23_600_000), "23.6 MB"),
        (size(999), "999 B"),
        (accuracy_with_interval(0.703, (0.688, 0.718)), "70.3 % (68.8 – 71.8)"),
    ],
)
def test_units(said, expected):
    assert said == expected
