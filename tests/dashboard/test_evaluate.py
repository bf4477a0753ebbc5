import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.data.store import remove_dataset
from pipeline.evaluation.jobs import EvaluationJob
from tests.dashboard.tiles import tiles
from tests.evaluation.makers import make_dataset, make_run, store_evaluation

HOME = Path(__file__).parents[2] / "dashboard" / "Home.py"


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path / "zoo")


def open_page(**state) -> AppTest:
    app = AppTest.from_file(str(HOME), default_timeout=30)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    app.switch_page("app_pages/evaluate.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.subheader, *app.warning, *app.error, *app.info]
    return "\n".join(element.value for element in shown)


def test_without_a_model_the_page_says_what_it_is_for_and_leads_to_training():
    app = open_page()
    assert "There is no model yet" in words(app)
    assert app.page_link[0].value == "Train a model"
    assert not app.metric


def test_figures_report_and_mistakes_of_a_model_are_shown():
    dataset = make_dataset()
    run = make_run(dataset, skill=2.0)
    app = open_page()
    assert app.selectbox(key="evaluate_model").value == run.name
    assert app.selectbox(key="evaluate_split").value == "test"
    assert [metric.label for metric in app.metric][:2] == ["Accuracy", "Macro F1"]
    assert "(95 %)" in app.metric[0].delta
    report = app.dataframe[0].value
    assert report["faces"].tolist() == [10] * 7
    assert "Mistakes, most confident first" in words(app)
    assert tiles(app)[0]["source"].startswith("data:image/png")


def test_an_evaluation_without_some_faces_is_not_taken_for_one_of_the_split():
    dataset = make_dataset()
    run = make_run(dataset)
    folder = run.evaluation_path(dataset.fingerprint, "test")
    shutil.copytree(folder, folder.with_name(f"{folder.name}-0123abcd"))
    app = open_page()
    assert app.selectbox(key="evaluate_split").options == ["test", "held_out", "train"]
    shutil.rmtree(folder)
    assert "No predictions of" in words(app.run())


def test_a_chosen_cell_shows_its_faces_with_chips_and_a_way_back():
    dataset = make_dataset()
    run = make_run(dataset, skill=2.0)
    key = f"evaluate_cell {run.name} {dataset.fingerprint} test"
    app = open_page(**{key: (3, 3)})
    chips = [button.label for button in app.button]
    assert chips == ["labelled happy", "predicted happy", "All mistakes"]
    assert not any("labelled" in tile["caption"] for tile in tiles(app))
    app.button[1].click().run()
    assert [button.label for button in app.button] == ["labelled happy", "All mistakes"]
    assert "Faces, most confident first · 10" in words(app)
    app.button[1].click().run()
    assert "Mistakes, most confident first" in words(app)


def test_without_the_data_set_everything_but_the_faces_is_shown():
    make_run(make_dataset())
    remove_dataset("faces")
    app = open_page()
    assert len(app.metric) == 5
    assert "import the data set they were made on: 'faces'" in words(app)
    assert not app.html


def test_missing_predictions_are_computed_in_a_process_of_its_own(monkeypatch):
    dataset = make_dataset()
    run = make_run(dataset, evaluated=False)
    started = []
    monkeypatch.setattr(EvaluationJob, "start", lambda job: started.append(job))
    monkeypatch.setattr(EvaluationJob, "running", lambda job: bool(started))
    app = open_page()
    app.selectbox(key="evaluate_split").select("test").run()
    app.button(key="evaluate_start").click().run()
    assert started == [EvaluationJob(run.name, "faces", dataset.fingerprint[:12], "test")]
    assert f"Evaluating {run.name}" in app.progress[0].text
    monkeypatch.setattr(EvaluationJob, "running", lambda job: False)
    store_evaluation(run, dataset)
    app.run()
    assert not app.exception
    assert len(app.metric) == 5


def test_a_failed_evaluation_says_why_and_can_be_tried_again():
    dataset = make_dataset()
    run = make_run(dataset, split="train")
    job = EvaluationJob(run.name, "faces", dataset.fingerprint, "test")
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The exported model is damaged.\n")
    app = open_page()
    app.selectbox(key="evaluate_split").select("test").run()
    assert "The exported model is damaged." in words(app)
    assert app.button(key="evaluate_start").label == "Evaluate"


def test_damaged_predictions_are_named():
    dataset = make_dataset()
    run = make_run(dataset)
    (run.evaluation_path(dataset.fingerprint, "test") / "predictions.npz").write_bytes(b"no")
    app = open_page()
    assert f"The predictions of '{run.name}'" in app.warning[0].value
    assert app.button(key="evaluate_start")


def test_a_trained_run_is_shown(filled_workspace):
    app = open_page()
    assert len(app.metric) == 5
    mistakes = int(words(app).split("confident first · ")[1].split()[0])
    assert bool(app.html) == bool(mistakes)
