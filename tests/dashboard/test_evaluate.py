import gc
import io
import json
import shutil
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.views.evaluate.export import metrics_json, predictions_csv
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, remove_dataset
from pipeline.evaluation.curves import OUTCOMES
from pipeline.evaluation.label_issues import LabelIssues
from pipeline.evaluation.predictions import Predictions, load_predictions, save_predictions
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.jobs import Job, evaluation_job
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation_charts import EVALUATION_CHARTS, EvaluationChart
from pipeline.report.html_report import report_html
from pipeline.runs import Run, find_run
from tests.dashboard.pages import click, click_mark, open_page, press, texts, tiles
from tests.data.dataset_makers import noise, store_faces, votes
from tests.evaluation.makers import make_dataset, make_predictions, make_run, store_evaluation

TEST = 70  # faces of the test split, of which three have an exact duplicate in train

open_evaluate = partial(open_page, "evaluate")

pytestmark = pytest.mark.usefixtures("nothing_bundled")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """A workspace to be read only: a data set with votes and duplicates, an evaluated run."""
    with pytest.MonkeyPatch.context() as patch:
        workspace = tmp_path_factory.mktemp("evaluated")
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        images = [noise(i) for i in range(2 * TEST)]
        images[TEST : TEST + 3] = images[:3]
        splits = ["train"] * TEST + ["test"] * TEST
        dataset = store_faces(images, None, splits, [votes(anger=6, fear=4)] * 2 * TEST)
        yield workspace, make_run(dataset, skill=2.0).name


@pytest.fixture
def evaluated(shared, monkeypatch) -> tuple[Run, Predictions]:
    """The run of the shared workspace, and its predictions."""
    workspace, name = shared
    monkeypatch.setenv("EMOTION_WORKSPACE", str(workspace))
    run = find_run(name)
    fingerprint = load_dataset("faces").fingerprint
    return run, load_predictions(run, run.evaluation_path(fingerprint, "test"))


def chips(app: AppTest) -> list[str]:
    return [b.label for b in app.button if b.key is None or b.key.startswith("chip")]


def test_without_a_model_the_page_says_what_it_is_for_and_leads_to_training():
    app = open_evaluate()
    assert "There is no model yet" in texts(app)
    assert app.page_link[0].value == "Train a model"
    assert not app.metric


def test_the_page_shows_metrics_the_class_table_and_the_worst_mistakes(evaluated):
    run, predictions = evaluated
    app = open_evaluate()
    assert app.selectbox(key="evaluate_model").value == run.name
    assert app.selectbox(key="evaluate_split").value == "test"
    assert [metric.label for metric in app.metric][:2] == ["Accuracy", "Macro F1"]
    assert app.metric[0].value == f"{predictions.correct.mean():.1%}"
    assert app.metric[0].delta.startswith("95% CI ")
    assert app.dataframe[0].value["faces"].tolist() == [10] * 7
    wrong = int((~predictions.correct).sum())
    assert f"{wrong} mistakes" in texts(app)
    highest = predictions.confidence[~predictions.correct].max()
    assert f"{100 * highest:.0f}%, labeled " in tiles(app)[0]["caption"]


def test_every_listed_chart_is_on_its_view_of_the_page(evaluated):
    app = open_evaluate()
    for view in dict.fromkeys(chart.view for chart in EVALUATION_CHARTS.values()):
        app.segmented_control(key="evaluate_view").set_value(view).run()
        assert not app.exception and len(app.metric) >= 5, view
        headings = [heading.value for heading in app.header]
        titles = [title for title, chart in EVALUATION_CHARTS.items() if chart.view == view]
        assert len(app.get("plotly_chart")) == len(titles), view
        assert set(titles) <= set(headings), view


def test_a_new_chart_needs_a_function_and_a_line_in_the_list(evaluated, monkeypatch):
    def confidence_histogram(confidence) -> go.Figure:
        return go.Figure(go.Histogram(x=confidence))

    monkeypatch.setitem(
        EVALUATION_CHARTS,
        "Confidence histogram",
        EvaluationChart("Calibration", lambda e: confidence_histogram(e.predictions.confidence)),
    )

    app = open_evaluate(view="Calibration")
    assert "Confidence histogram" in [heading.value for heading in app.header]
    assert len(app.get("plotly_chart")) == 2
    subset = EvaluationSubset("faces", evaluated[1].fingerprint, "test")
    page = report_html(resources.evaluation(evaluated[0], subset))
    assert "<h2>Confidence histogram</h2>" in page


def test_clicks_filter_the_faces_with_chips_and_a_way_back(evaluated):
    _, predictions = evaluated
    app = open_evaluate()
    click_mark(app, "evaluate.confusion", [3, 3])
    assert chips(app) == ["labeled happy", "predicted happy", "All mistakes"]
    assert app.query_params["evaluate_labeled"] == "happy"
    assert not any("labeled" in tile["caption"] for tile in tiles(app))
    app.button(key="chip predicted").click().run()
    assert chips(app) == ["labeled happy", "All mistakes"]
    assert "10 faces" in texts(app)
    app.button(key="chip labeled").click().run()
    assert chips(app) == [] and "mistakes" in texts(app)
    click(app, "evaluate.report", rows=[4], columns=[], cells=[])
    assert chips(app) == ["labeled sad", "All mistakes"]

    app.segmented_control(key="evaluate_view").set_value("Mistakes").run()
    assert chips(app) == [] and "evaluate_labeled" not in app.query_params
    click_mark(app, "evaluate.pairs", [0, 2])
    assert chips(app)[:2] == ["labeled angry", "predicted fear"]

    app.segmented_control(key="evaluate_view").set_value("Confusion").run()
    assert chips(app) == ["labeled sad", "All mistakes"]
    assert "10 faces" in texts(app)

    app.segmented_control(key="evaluate_view").set_value("Calibration").run()
    bin = int(np.ceil(predictions.confidence[0] * 15)) - 1
    click_mark(app, "evaluate.reliability", [bin])
    in_bin = (predictions.confidence > bin / 15) & (predictions.confidence <= (bin + 1) / 15)
    assert f"{in_bin.sum()} face" in texts(app)
    assert chips(app)[0].startswith("confidence")

    app.segmented_control(key="evaluate_view").set_value("Slices").run()
    table = app.dataframe[0].value.set_index("slice")
    assert table.loc["FER+ agreement: 60%", "faces"] == TEST
    assert table.loc["duplicates: duplicate in train", "faces"] == 3
    click_mark(app, "evaluate.slices", ["duplicates", "duplicate in train"])
    assert "3 faces" in texts(app)
    assert chips(app)[0] == "duplicates: duplicate in train"


def test_an_address_opens_the_same_faces_and_nonsense_in_it_is_ignored(evaluated):
    app = open_page(
        "evaluate", labeled="sad", predicted="bliss", bin="99", slice="no: such", show="All"
    )
    assert chips(app) == ["labeled sad", "All mistakes"]
    assert "10 faces" in texts(app)


def test_an_address_of_an_older_version_still_opens_its_faces(evaluated):
    app = open_evaluate(slice="twins: twin in train", show="All", order="Most doubtful")
    assert chips(app)[0] == "duplicates: duplicate in train"
    assert app.segmented_control(key="evaluate_order").value == "Least confident"
    assert chips(open_evaluate(slice="FER+ agreement: 60 %"))[0] == "FER+ agreement: 60%"
    app = open_page(
        "evaluate", view="Curves", outcome="missed", emotion="fear", without_twins="true"
    )
    assert app.segmented_control(key="evaluate_outcome").value == "False negatives"
    assert app.toggle(key="evaluate_without_twins").value


def test_the_least_confident_faces_are_those_of_the_smallest_margin(evaluated):
    _, predictions = evaluated
    app = open_evaluate(order="Least confident", show="All")
    two = np.sort(predictions.probabilities, axis=1)[:, -2:]
    first = int((two[:, 1] - two[:, 0]).argmin())
    assert f"{100 * two[first, 1]:.0f}%" in tiles(app)[0]["caption"]


def test_the_decision_threshold_moves_the_operating_point_and_its_faces(evaluated):
    _, predictions = evaluated
    app = open_evaluate(view="Curves", emotion="fear", outcome=OUTCOMES[2])
    is_fear = predictions.y_true == EMOTIONS.index("fear")
    scores = predictions.probabilities[:, EMOTIONS.index("fear")]
    for threshold in (0.5, 0.1):
        app.slider(key="evaluate_threshold").set_value(threshold).run()
        missed = int((is_fear & (scores < threshold)).sum())
        assert f"recall **{100 * (1 - missed / 10):.1f}%**" in texts(app)
        assert len(tiles(app)) == missed if missed else "No faces to show." in texts(app)
    click_mark(app, "evaluate.roc", ["sad", 0.2345])
    assert app.slider(key="evaluate_threshold").value == 0.23
    assert "**sad** at threshold 0.23" in texts(app)


def test_every_metric_is_explained(evaluated):
    metrics = open_evaluate().metric
    assert len(metrics) == 5
    assert [each.label for each in metrics if not each.help] == []


def test_train_duplicates_can_be_left_out_of_every_metric(evaluated):
    app = open_evaluate()
    assert "Without the 3 faces that have an exact duplicate" in texts(app)
    app.toggle(key="evaluate_without_twins").set_value(True).run()
    assert "67 faces of faces · test, without train duplicates" in texts(app)
    assert "With the 3 faces that have an exact duplicate" in texts(app)
    assert app.dataframe[0].value["faces"].sum() == 67


def test_metrics_and_predictions_can_be_exported(evaluated):
    run, predictions = evaluated
    subset = EvaluationSubset("faces", predictions.fingerprint, "test")
    evaluation = resources.evaluation(run, subset)
    metrics = json.loads(metrics_json(evaluation))
    assert metrics["accuracy"] == evaluation.metrics.accuracy
    assert metrics["accuracy_interval"] == list(evaluation.interval)
    assert metrics["twins_left_out"] is False
    table = pd.read_csv(io.StringIO(predictions_csv(evaluation)))
    assert table["id"].tolist() == predictions.ids.tolist()
    assert (table["label"] == table["predicted"]).tolist() == predictions.correct.tolist()
    np.testing.assert_allclose(table[list(EMOTIONS)], predictions.probabilities, rtol=1e-6)


def test_a_cached_evaluation_does_not_keep_a_removed_data_set_open(evaluated):
    run, predictions = evaluated
    subset = EvaluationSubset("faces", predictions.fingerprint, "test")
    dataset = weakref.ref(resources.evaluation(run, subset).dataset)
    assert dataset() is resources.evaluation(run, subset).dataset
    resources.forget_datasets()
    gc.collect()
    assert dataset() is None


def test_a_missing_model_file_is_named_where_maps_are_wanted(evaluated):
    assert "export it again" in texts(open_evaluate(maps="true"))


def test_a_temperature_can_be_fitted_and_stored():
    dataset = store_faces([noise(i) for i in range(70)], splits="public_test")
    run = make_run(dataset, split="public_test", skill=2.0)
    app = open_evaluate(view="Calibration")
    assert run.calibration() is None
    (fit,) = [b for b in app.button if b.label == "Fit and store the temperature"]
    fit.click().run()
    stored = run.calibration()
    assert stored is not None and (stored.split, stored.faces) == ("public_test", 70)
    assert f"{stored.temperature:.3f}" in [metric.value for metric in app.metric]


def test_an_exclusion_list_is_left_out_of_what_is_stored(empty_workspace):
    dataset = make_dataset()
    make_run(dataset)
    tested = dataset.ids[dataset.splits == "test"]
    exclude(dataset, "dark", dict.fromkeys(tested[:7].tolist(), "by hand"))
    app = open_evaluate(exclude="dark")
    assert app.dataframe[0].value["faces"].sum() == 63
    exclude(dataset, "bright", dict.fromkeys(tested[5:9].tolist(), "by hand"))
    app.multiselect(key="evaluate_exclude").set_value(["bright", "dark"]).run()
    assert app.dataframe[0].value["faces"].sum() == 61
    exclude(dataset, "dark", dict.fromkeys(tested.tolist(), "by hand"))
    assert "No face is left" in texts(app.run())
    (empty_workspace / "datasets" / "faces" / "exclusions" / "dark.csv").write_text("no list")
    app = open_evaluate(exclude="dark")
    assert "not a readable list" in app.error[0].value
    assert app.dataframe[0].value["faces"].sum() == 70


def test_an_evaluation_made_without_a_list_serves_that_list_only():
    dataset: FaceDataset = make_dataset()
    run = make_run(dataset)
    listed = exclude(dataset, "dark", {dataset.ids[100]: "by hand"})
    folder = run.evaluation_path(dataset.fingerprint, "test")
    whole = load_predictions(run, folder)
    shutil.rmtree(folder)
    part = whole.take(whole.ids != dataset.ids[100])
    left = make_predictions(
        part.y_true,
        part.probabilities,
        part.ids,
        model=run.name,
        fingerprint=dataset.fingerprint,
        exclusion="dark",
        exclusion_fingerprint=listed.fingerprint,
    )
    save_predictions(left, run.evaluation_path(dataset.fingerprint, "test", listed.fingerprint))
    assert open_evaluate(split="test", exclude="dark").dataframe[0].value["faces"].sum() == 69
    assert "has not been evaluated on" in texts(open_evaluate(split="test"))


def test_without_the_data_set_everything_but_faces_and_slices_is_shown():
    make_run(make_dataset())
    remove_dataset("faces")
    app = open_evaluate()
    assert len(app.metric) == 5
    assert "import the data set they were made on: 'faces'" in texts(app)
    app.segmented_control(key="evaluate_view").set_value("Slices").run()
    assert "Slices need the faces" in texts(app)


def test_missing_predictions_are_made_by_a_job_whose_failure_is_shown(monkeypatch):
    dataset = make_dataset()
    run = make_run(dataset, evaluated=False)
    job = evaluation_job(run.name, "faces", dataset.fingerprint[:12], "test")
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The exported model is damaged: export it again.\n")
    app = open_evaluate(split="test")
    assert "export it again" in app.error[0].value

    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job))
    monkeypatch.setattr(Job, "running", lambda job: bool(started))
    app.button(key="evaluate_start").click().run()
    assert started == [job]
    assert len(app.progress) == 1
    assert not any(button.key == "evaluate_start" for button in app.button)

    store_evaluation(run, dataset)
    assert not app.run().error


def test_damaged_predictions_are_named():
    dataset = make_dataset()
    run = make_run(dataset)
    (run.evaluation_path(dataset.fingerprint, "test") / "predictions.npz").write_bytes(b"no")
    app = open_evaluate()
    assert f"The predictions of '{run.name}'" in app.warning[0].value
    assert app.button(key="evaluate_start")


def test_activation_maps_lie_over_the_faces_of_a_trained_run(filled_workspace):
    app = open_evaluate(show="All")
    plain = tiles(app)[0]
    app.toggle(key="evaluate_maps").set_value(True).run()
    mapped = tiles(app)[0]
    assert mapped["caption"] == plain["caption"] and mapped["source"] != plain["source"]


def test_faces_of_a_selection_are_excluded_and_those_that_are_likely_mislabeled_filtered(
    evaluated, monkeypatch
):
    run, predictions = evaluated
    dataset = load_dataset("faces")
    mask = np.zeros(len(dataset), np.bool_)
    mask[np.flatnonzero(dataset.ids == predictions.ids[~predictions.correct][0])] = True
    issues = LabelIssues(mask, {run.name: np.ones(len(dataset), np.bool_)})
    monkeypatch.setattr("dashboard.resources.label_issues", lambda dataset: issues)
    app = press(open_evaluate(), "Likely mislabeled")
    assert "1 mistake" in texts(app) or "1 face" in texts(app)
    assert app.query_params["evaluate_mislabeled"] == "1"
    press(app, "Exclude 1…")
    assert app.text_input(key="exclude.reason").value == "likely mislabeled"
    assert app.button(key="exclude").label == "Exclude this face"
