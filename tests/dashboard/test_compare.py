import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.compare.compared import short_labels
from dashboard.components.compare.configuration import configuration_table
from dashboard.components.compare.differing_faces import differing_faces
from dashboard.components.compare.table import best_models
from pipeline.evaluation.comparison import mcnemar
from pipeline.evaluation.jobs import EvaluationJob, SpeedJob
from pipeline.evaluation.predictions import load_predictions, save_predictions
from pipeline.runs import Exclusion, Notes, Run, RunConfig, Speed
from pipeline.training.config import TrainConfig
from tests.dashboard.clicks import click_mark, drawn
from tests.dashboard.tiles import tiles
from tests.evaluation.makers import make_dataset, make_run, random_predictions

HOME = Path(__file__).parents[2] / "dashboard" / "Home.py"


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.runs.index.ZOO", tmp_path / "zoo")


def open_page(**address) -> AppTest:
    app = AppTest.from_file(str(HOME), default_timeout=30).run()
    for name, value in address.items():
        app.query_params[f"compare_{name}"] = value
    app.switch_page("app_pages/compare.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.subheader, *app.warning, *app.error]
    return "\n".join(element.value for element in shown)


def label(run: Run) -> str:
    return run.name.split("-", 2)[2]


def judged(run, dataset):
    return load_predictions(run, run.evaluation_path(dataset.fingerprint, "test"))


def speed(ms: float) -> Speed:
    return Speed(ms=ms, p95_ms=ms, threads=2, precision="default", processor="p", measured="now")


def test_without_a_model_the_page_says_what_it_is_for_and_leads_to_training():
    app = open_page()
    assert "There is no model yet" in words(app)
    assert app.page_link[0].value == "Train a model"


def test_models_stand_side_by_side_with_the_best_of_each_figure_named():
    dataset = make_dataset()
    weak, strong = make_run(dataset, skill=0.5), make_run(dataset, seed=1, skill=4.0)
    weak.write_speed(speed(1.5))
    strong.write_speed(speed(2.5))
    table = open_page().dataframe[0].value
    assert set(table["model"]) == {label(weak), label(strong)}
    by_model = table.set_index("model")
    assert "accuracy" in by_model.loc[label(strong), "best_in"]
    assert "log loss" in by_model.loc[label(strong), "best_in"]
    assert list(by_model.loc[label(weak), "best_in"]) == ["parameters", "size", "time"]
    assert by_model.loc[label(weak), "parameters"] == 1_200_000
    assert by_model.loc[label(weak), "size"] == 2.0
    assert by_model.loc[label(weak), "time"] == 1.5


def test_equal_models_share_the_best_and_one_alone_has_none():
    dataset = make_dataset()
    make_run(dataset)
    assert not any(len(best) for best in open_page().dataframe[0].value["best_in"])
    make_run(dataset)
    table = open_page().dataframe[0].value
    assert all(rows == [0, 1] for rows in best_models(table).values())


def test_models_without_predictions_are_named_and_can_be_evaluated(monkeypatch):
    dataset = make_dataset()
    known, missing = make_run(dataset), make_run(dataset, evaluated=False)
    started = []
    monkeypatch.setattr(EvaluationJob, "start", lambda job: started.append(job.model))
    monkeypatch.setattr(EvaluationJob, "running", lambda job: job.model in started)
    app = open_page()
    assert app.dataframe[0].value["model"].tolist() == [label(known)]
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


def test_predictions_that_lie_in_the_folder_of_others_are_named_and_passed_over():
    dataset = make_dataset()
    make_run(dataset)
    other = make_run(dataset, split="train")
    folder = other.evaluation_path(dataset.fingerprint, "train")
    shutil.move(folder, other.evaluation_path(dataset.fingerprint, "test"))
    app = open_page(split="test")
    assert len(app.dataframe[0].value) == 1
    assert "are of other faces" in app.warning[0].value


def test_many_models_are_chosen_at_once():
    dataset = make_dataset()
    for seed in range(8):
        make_run(dataset, seed=seed)
    assert len(open_page().dataframe[0].value) == 6
    assert len(open_page(all="true").dataframe[0].value) == 8


def test_seeds_of_one_configuration_show_mean_and_deviation():
    dataset = make_dataset()
    runs = [make_run(dataset, seed=seed) for seed in range(3)]
    for seed, run in enumerate(runs):
        config = run.config()
        train = config.train.model_copy(update={"seed": seed})
        run.write_config(config.model_copy(update={"train": train}))
    table = open_page().dataframe[1].value
    accuracies = [100 * judged(run, dataset).right.mean() for run in runs]
    assert table["seeds"].tolist() == [3]
    assert table["accuracy, %"].tolist() == [
        f"{np.mean(accuracies):.1f} ± {np.std(accuracies, ddof=1):.1f}"
    ]


def test_the_mean_of_all_is_weighed_against_the_best_with_its_cost():
    dataset = make_dataset()
    for seed in range(2):
        make_run(dataset, seed=seed, skill=2.0).write_speed(speed(1.5 + seed))
    app = open_page()
    assert "The mean of the probabilities of 2 models" in words(app)
    assert "Cost: 4.0 ms a face, 4.0 MB, 2.40 M parameters" in words(app)
    assert "McNemar" in words(app)


def test_unmeasured_times_are_said_and_measured_in_a_process_of_its_own(monkeypatch):
    dataset = make_dataset()
    run = make_run(dataset)
    started = []
    monkeypatch.setattr(SpeedJob, "start", lambda job: started.append(job.command))
    app = open_page()
    assert "The time of 1 of 1 models was not measured" in words(app)
    (measure,) = [b for b in app.button if b.label.startswith("Measure the time")]
    measure.click().run()
    assert started == [["speed", run.name]]


def test_a_pair_is_tested_and_its_differing_faces_are_shown():
    dataset = make_dataset()
    runs = [make_run(dataset, seed=seed, skill=1.0 + 3 * seed) for seed in range(2)]
    newer, older = sorted(runs, key=lambda run: run.name, reverse=True)
    app = open_page(view="Pairs")
    assert [app.selectbox(key=f"compare_{which}").value for which in ("first", "second")] == [
        newer.name,
        older.name,
    ]
    first, second = judged(newer, dataset), judged(older, dataset)
    b, c = int((first.right & ~second.right).sum()), int((second.right & ~first.right).sum())
    assert f"right alone {b} against {c} of 70 faces" in words(app)
    assert f"McNemar p = {mcnemar(b, c):.2g}" in words(app)
    assert f"{b} only first right · {c} only second right" in words(app)


def test_clicks_on_pairs_and_cells_choose_models_and_faces():
    dataset = make_dataset()
    for seed in range(3):
        make_run(dataset, seed=seed)
    app = open_page(view="Pairs")
    click_mark(app, "compare.pairs", [2, 0])
    names = app.multiselect(key="compare_models").value
    assert app.selectbox(key="compare_first").value == names[2]
    assert app.selectbox(key="compare_second").value == names[0]
    click_mark(app, "compare.cells", [4, 4])
    assert app.query_params["compare_labelled"] == "sad"
    assert "only first says sad" in words(app)
    if "There are none." not in words(app):
        assert {tile["caption"] for tile in tiles(app)} == {"sad"}
    (forget,) = [b for b in app.button if b.label == "labelled sad, called sad"]
    forget.click().run()
    assert "only first right" in words(app)


def test_the_difference_of_two_matrices_is_drawn():
    dataset = make_dataset()
    runs = [make_run(dataset, seed=seed, skill=1.0 + seed) for seed in range(2)]
    newer, older = sorted(runs, key=lambda run: run.name, reverse=True)
    app = open_page(view="Pairs")
    cells = drawn(app, "compare.cells")[1]
    numbers = [text.replace("</span>", "").rpartition(">")[2] for text in cells["text"]]
    more = np.array(numbers, int).reshape(7, 7)
    right = [int(judged(run, dataset).right.sum()) for run in (newer, older)]
    assert np.trace(more) == right[0] - right[1]
    assert more.sum() == 0


def test_curves_and_configuration_open_by_their_address():
    dataset = make_dataset()
    for seed in range(2):
        make_run(dataset, seed=seed)
    assert len(open_page(view="Curves", curve="sad").get("plotly_chart")) == 3
    assert "the same in every field" in words(open_page(view="Configuration"))


def test_models_that_learnt_from_other_faces_are_said_to():
    dataset = make_dataset()
    make_run(dataset)
    other = make_run(dataset)
    assert "did not all learn" not in words(open_page())
    other.write_config(other.config().model_copy(update={"dataset_fingerprint": "f" * 64}))
    assert "did not all learn from the same faces" in words(open_page())


def config(**fields) -> RunConfig:
    train = TrainConfig.model_validate({"dataset": "faces", **fields})
    return RunConfig(train=train, dataset_fingerprint="0" * 64)


def test_only_fields_that_differ_stand_in_the_table():
    table = configuration_table({"a": config(), "b": config(learning_rate=0.01)})
    assert table.index.tolist() == ["learning rate"]
    assert table.loc["learning rate"].tolist() == ["0.001", "0.01"]
    excluded = config().model_copy(
        update={"exclusion": Exclusion(name="twins", faces=3, fingerprint="a" * 64)}
    )
    table = configuration_table({"a": config(), "b": excluded})
    assert table.index.tolist() == ["left out of training"]
    table = configuration_table(
        {"a": config(), "b": config(architecture="vgg16", model={"weights": "none"})}
    )
    assert table.loc["widths", "b"] == "–"


def test_labels_are_short_where_they_are_clear():
    runs = [Run(Path(f"20260101-00000{i}-custom_cnn-{end}")) for i, end in enumerate("aab")]
    assert list(short_labels(runs).values()) == [runs[0].name, runs[1].name, "custom_cnn-b"]


def test_a_name_that_people_gave_is_the_label(empty_workspace):
    dataset = make_dataset()
    run = make_run(dataset)
    run.write_notes(Notes(name="wide"))
    assert open_page().dataframe[0].value["model"].tolist() == ["wide"]


def test_differing_faces_are_those_that_just_one_model_puts_into_a_cell():
    first, second = random_predictions(200, seed=1), random_predictions(200, seed=1, skill=3.0)
    groups = list(differing_faces(first, second, (3, 3)).values())
    for faces, mine, other in zip(groups, (first, second), (second, first), strict=True):
        expected = (first.y_true == 3) & (mine.predicted == 3) & (other.predicted != 3)
        assert sorted(faces) == np.flatnonzero(expected).tolist()


def test_a_trained_run_is_shown(filled_workspace):
    assert len(open_page().dataframe[0].value) == 1
