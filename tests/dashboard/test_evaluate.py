import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.evaluate.downloads import figures_json, predictions_csv
from dashboard.components.evaluate.judged import judge
from pipeline.data.exclusions import exclude
from pipeline.data.store import remove_dataset
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.evaluation.target import Target
from pipeline.labels import EMOTIONS
from tests.dashboard.clicks import click, click_mark
from tests.dashboard.tiles import tiles
from tests.data.dataset_makers import noise, store_faces, votes
from tests.evaluation.makers import make_dataset, make_run, of_probabilities, store_evaluation

HOME = Path(__file__).parents[2] / "dashboard" / "Home.py"


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path / "zoo")


def open_page(**address) -> AppTest:
    app = AppTest.from_file(str(HOME), default_timeout=30).run()
    for name, value in address.items():
        app.query_params[f"evaluate_{name}"] = value
    app.switch_page("app_pages/evaluate.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.subheader, *app.warning, *app.error, *app.info]
    return "\n".join(element.value for element in shown)


def chips(app: AppTest) -> list[str]:
    return [b.label for b in app.button if b.key is None or b.key.startswith("chip")]


def judged(app: AppTest, run, dataset):
    return load_predictions(run, run.evaluation_path(dataset.fingerprint, "test"))


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
    predictions = judged(app, run, dataset)
    wrong = int((~predictions.right).sum())
    assert f"{wrong} mistakes" in words(app)
    surest = predictions.confidence[~predictions.right].max()
    assert f"{100 * surest:.0f}\u00a0%" in tiles(app)[0]["caption"]
    assert "labelled" in tiles(app)[0]["caption"]


@pytest.mark.parametrize(
    "view", ["Confusion", "Curves", "Calibration", "Mistakes", "Slices", "Training"]
)
def test_each_view_opens_by_its_address_and_shows_charts(view):
    dataset = make_dataset()
    make_run(dataset, skill=2.0)
    app = open_page(view=view)
    assert app.get("plotly_chart")
    assert len(app.metric) >= 5


def test_a_click_on_a_cell_shows_its_faces_with_chips_and_a_way_back():
    dataset = make_dataset()
    make_run(dataset, skill=2.0)
    app = open_page()
    click_mark(app, "evaluate.confusion", [3, 3])
    assert chips(app) == ["labelled happy", "predicted happy", "All mistakes"]
    assert app.query_params["evaluate_labelled"] == "happy"
    assert not any("labelled" in tile["caption"] for tile in tiles(app))
    app.button(key="chip predicted").click().run()
    assert chips(app) == ["labelled happy", "All mistakes"]
    assert "10 faces" in words(app)
    app.button(key="chip labelled").click().run()
    assert chips(app) == []
    assert "mistakes" in words(app)


def test_an_address_with_a_cell_opens_its_faces_and_nonsense_is_passed_over():
    dataset = make_dataset()
    make_run(dataset, skill=2.0)
    app = open_page(labelled="sad", predicted="bliss", bin="99", slice="no: such", show="All")
    assert chips(app) == ["labelled sad", "All mistakes"]
    assert "10 faces" in words(app)


def test_a_row_of_the_report_and_a_confused_pair_open_their_faces():
    dataset = make_dataset()
    make_run(dataset)
    app = open_page()
    click(app, "evaluate.report", rows=[4], columns=[], cells=[])
    assert chips(app) == ["labelled sad", "All mistakes"]
    app = open_page(view="Mistakes")
    click_mark(app, "evaluate.pairs", [0, 2])
    assert chips(app)[:2] == ["labelled angry", "predicted fear"]


def test_most_doubtful_faces_are_those_of_the_smallest_lead():
    dataset = make_dataset()
    run = make_run(dataset)
    app = open_page(order="Most doubtful", show="All")
    two = np.sort(judged(app, run, dataset).probabilities, axis=1)[:, -2:]
    first = int((two[:, 1] - two[:, 0]).argmin())
    assert f"{100 * two[first, 1]:.0f}\u00a0%" in tiles(app)[0]["caption"]


def test_a_threshold_moves_the_operating_point_and_its_faces():
    dataset = make_dataset()
    run = make_run(dataset)
    app = open_page(view="Curves", emotion="fear", outcome="missed")
    predictions = judged(app, run, dataset)
    is_fear = predictions.y_true == EMOTIONS.index("fear")
    scores = predictions.probabilities[:, EMOTIONS.index("fear")]
    for threshold in (0.5, 0.1):
        app.slider(key="evaluate_threshold").set_value(threshold).run()
        missed = int((is_fear & (scores < threshold)).sum())
        assert f"recall **{100 * (1 - missed / 10):.1f} %**" in words(app)
        assert len(tiles(app)) == missed if missed else "There are none." in words(app)


def test_a_click_on_a_curve_takes_its_emotion_and_threshold():
    dataset = make_dataset()
    make_run(dataset)
    app = open_page(view="Curves")
    click_mark(app, "evaluate.roc", ["sad", 0.2345])
    assert app.slider(key="evaluate_threshold").value == 0.23
    assert "**sad** from 0.23 on" in words(app)


def test_calibration_can_be_fitted_and_stored_from_the_page():
    dataset = store_faces([noise(i) for i in range(70)], splits="public_test")
    run = make_run(dataset, split="public_test", skill=2.0)
    app = open_page(view="Calibration")
    assert run.calibration() is None
    (fit,) = [b for b in app.button if b.label == "Fit and store the temperature"]
    fit.click().run()
    stored = run.calibration()
    assert stored is not None and (stored.split, stored.faces) == ("public_test", 70)
    assert f"{stored.temperature:.3f}" in [metric.value for metric in app.metric]


def test_a_bin_of_confidence_opens_its_faces():
    dataset = make_dataset()
    run = make_run(dataset, skill=2.0)
    app = open_page(view="Calibration")
    confidence = judged(app, run, dataset).confidence
    bin = int(np.ceil(confidence[0] * 15)) - 1
    click_mark(app, "evaluate.reliability", [bin])
    n = int(((confidence > bin / 15) & (confidence <= (bin + 1) / 15)).sum())
    assert f"{n} face" in words(app)
    assert chips(app)[0].startswith("confidence")


def test_slices_by_votes_and_twins_open_their_faces():
    pictures = [noise(i) for i in range(30)]
    pictures[20] = pictures[0]
    dataset = store_faces(
        pictures, splits=["train"] * 15 + ["test"] * 15, votes=[votes(anger=6, fear=4)] * 30
    )
    make_run(dataset)
    app = open_page(view="Slices")
    table = app.dataframe[0].value.set_index("slice")
    assert table.loc["FER+ agreement: 60 %", "faces"] == 15
    assert table.loc["twins: twin in train", "faces"] == 1
    click_mark(app, "evaluate.slices", ["twins", "twin in train"])
    assert "1 face" in words(app)
    assert chips(app)[0] == "twins: twin in train"


def test_faces_that_training_showed_can_be_left_out_of_every_figure():
    pictures = [noise(i) for i in range(28)]
    pictures[14:17] = pictures[:3]
    dataset = store_faces(pictures, splits=["train"] * 14 + ["test"] * 14)
    make_run(dataset, skill=2.0)
    app = open_page()
    assert "Without the 3 faces whose very picture is in the training split" in words(app)
    app.toggle(key="evaluate_without_twins").set_value(True).run()
    assert "11 faces of faces, test, without twins" in words(app)
    assert "With the 3 faces whose very picture" in words(app)
    assert app.dataframe[0].value["faces"].sum() == 11


def test_an_exclusion_list_is_left_out_at_once_of_what_is_stored():
    dataset = make_dataset()
    make_run(dataset)
    tested = dataset.ids[dataset.splits == "test"]
    exclude(dataset, "dark", dict.fromkeys(tested[:7].tolist(), "by hand"))
    app = open_page(exclude="dark")
    assert app.dataframe[0].value["faces"].sum() == 63
    exclude(dataset, "dark", dict.fromkeys(tested.tolist(), "by hand"))
    assert "No face is left" in words(app.run())


def test_an_evaluation_without_a_list_serves_that_list_only():
    dataset = make_dataset()
    run = make_run(dataset)
    listed = exclude(dataset, "dark", {dataset.ids[100]: "by hand"})
    folder = run.evaluation_path(dataset.fingerprint, "test")
    whole = load_predictions(run, folder)
    shutil.rmtree(folder)
    part = whole.of(whole.ids != dataset.ids[100])
    names = {"exclusion": "dark", "exclusion_fingerprint": listed.fingerprint}
    kept = of_probabilities(
        part.y_true, part.probabilities, part.ids, model=run.name, dataset=dataset.name,
        fingerprint=dataset.fingerprint, **names,
    )  # fmt: skip
    save_predictions(kept, run.evaluation_path(dataset.fingerprint, "test", listed.fingerprint))
    assert open_page(split="test", exclude="dark").dataframe[0].value["faces"].sum() == 69
    assert "No predictions of" in words(open_page(split="test"))


def test_a_damaged_exclusion_list_is_said_and_everything_else_is_shown(empty_workspace):
    dataset = make_dataset()
    make_run(dataset)
    exclude(dataset, "dark", {dataset.ids[100]: "by hand"})
    (empty_workspace / "datasets" / "faces" / "exclusions" / "dark.csv").write_text("no list")
    app = open_page(exclude="dark")
    assert "no readable list" in app.error[0].value
    assert app.dataframe[0].value["faces"].sum() == 70


def test_figures_and_predictions_can_be_taken_along():
    dataset = make_dataset()
    run = make_run(dataset, skill=2.0)
    evaluation = judge(run, Target("faces", dataset.fingerprint, "test"))
    figures = json.loads(figures_json(evaluation))
    assert figures["accuracy"] == evaluation.metrics.accuracy
    assert figures["accuracy_interval"] == list(evaluation.interval)
    table = pd.read_csv(io.StringIO(predictions_csv(evaluation)))
    predictions = evaluation.predictions
    assert table["id"].tolist() == predictions.ids.tolist()
    assert (table["label"] == table["predicted"]).tolist() == predictions.right.tolist()
    np.testing.assert_allclose(table[list(EMOTIONS)], predictions.probabilities, rtol=1e-6)


def test_without_the_data_set_everything_but_the_faces_is_shown():
    make_run(make_dataset())
    remove_dataset("faces")
    app = open_page()
    assert len(app.metric) == 5
    assert "import the data set they were made on: 'faces'" in words(app)
    assert "Slices need the faces" in words(open_page(view="Slices"))


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
    assert len(app.progress) == 1
    assert not any(button.key == "evaluate_start" for button in app.button)


def test_a_failed_evaluation_says_why(monkeypatch):
    dataset = make_dataset()
    run = make_run(dataset, evaluated=False)
    job = EvaluationJob(run.name, "faces", dataset.fingerprint[:12], "test")
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The exported model is damaged: export it again.\n")
    app = open_page()
    app.selectbox(key="evaluate_split").select("test").run()
    assert "export it again" in app.error[0].value
    assert app.button(key="evaluate_start")
    store_evaluation(run, dataset)
    assert not app.run().error


def test_damaged_predictions_are_named():
    dataset = make_dataset()
    run = make_run(dataset)
    (run.evaluation_path(dataset.fingerprint, "test") / "predictions.npz").write_bytes(b"no")
    app = open_page()
    assert f"The predictions of '{run.name}'" in app.warning[0].value
    assert app.button(key="evaluate_start")


def test_activation_maps_lie_over_the_faces_of_a_trained_run(filled_workspace):
    plain, mapped = open_page(show="All"), open_page(show="All", maps="true")
    assert len(plain.metric) == 5
    assert plain.get("plotly_chart")
    assert tiles(mapped)[0]["caption"] == tiles(plain)[0]["caption"]
    assert tiles(mapped)[0]["source"] != tiles(plain)[0]["source"]


def test_a_missing_model_file_is_said_where_maps_are_wanted():
    dataset = make_dataset()
    run = make_run(dataset)
    assert "export it again" in words(open_page(maps="true"))
    assert json.loads((run.path / "config.json").read_text())
