from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.comparison import best_models
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.evaluation.predictions import save_predictions
from tests.evaluation.makers import make_dataset, make_run, random_predictions

HOME = Path(__file__).parents[2] / "dashboard" / "Home.py"


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path / "zoo")


def open_page() -> AppTest:
    app = AppTest.from_file(str(HOME), default_timeout=30).run()
    app.switch_page("app_pages/compare.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.warning, *app.error]
    return "\n".join(element.value for element in shown)


def test_without_a_model_the_page_says_what_it_is_for_and_leads_to_training():
    app = open_page()
    assert "There is no model yet" in words(app)
    assert app.page_link[0].value == "Train a model"


def test_models_stand_side_by_side_with_the_best_of_each_figure_named():
    dataset = make_dataset()
    weak, strong = make_run(dataset, skill=0.5), make_run(dataset, seed=1, skill=4.0)
    table = open_page().dataframe[0].value
    assert set(table["model"]) == {weak.name, strong.name}
    by_model = table.set_index("model")
    assert "accuracy" in by_model.loc[strong.name, "best_in"]
    assert "log loss" in by_model.loc[strong.name, "best_in"]
    assert len(by_model.loc[weak.name, "best_in"]) == 0
    assert by_model.loc[weak.name, "parameters"] == 1_200_000
    assert by_model.loc[weak.name, "size"] == 2.0


def test_equal_models_share_the_best_and_one_alone_has_none():
    dataset = make_dataset()
    make_run(dataset)
    assert not any(len(best) for best in open_page().dataframe[0].value["best_in"])
    make_run(dataset)
    table = open_page().dataframe[0].value
    assert all(rows == [0, 1] for rows in best_models(table).values())


def test_models_without_predictions_are_named_and_can_be_evaluated(monkeypatch):
    dataset = make_dataset()
    judged, missing = make_run(dataset), make_run(dataset, evaluated=False)
    started = []
    monkeypatch.setattr(EvaluationJob, "start", lambda job: started.append(job.model))
    monkeypatch.setattr(EvaluationJob, "running", lambda job: job.model in started)
    app = open_page()
    assert app.dataframe[0].value["model"].tolist() == [judged.name]
    assert missing.name in words(app)
    assert app.button(key="compare_start").label == "Evaluate 1 model"
    app.button(key="compare_start").click().run()
    assert started == [missing.name]
    assert len(app.progress) == 1


def test_damaged_predictions_are_named_and_passed_over():
    dataset = make_dataset()
    make_run(dataset)
    damaged = make_run(dataset)
    file = damaged.evaluation_path(dataset.fingerprint, "test") / "predictions.npz"
    file.write_bytes(file.read_bytes()[:99])
    app = open_page()
    assert damaged.name in app.warning[0].value
    assert len(app.dataframe[0].value) == 1


def test_predictions_of_other_faces_are_never_mixed_in():
    dataset = make_dataset()
    make_run(dataset)
    other = make_run(dataset)
    foreign = random_predictions(
        70, model=other.name, dataset=dataset.name, fingerprint=dataset.fingerprint
    )
    folder = other.evaluation_path(dataset.fingerprint, "test")
    save_predictions(foreign, folder)
    app = open_page()
    assert len(app.dataframe[0].value) == 1
    assert "on other faces of test" in words(app)


def test_a_trained_run_is_shown(filled_workspace):
    assert len(open_page().dataframe[0].value) == 1
