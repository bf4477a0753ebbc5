import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.compare.config_diff import config_diff
from dashboard.views.compare.differing_faces import differing_faces
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.evaluation.comparison import mcnemar
from pipeline.evaluation.predictions import Predictions, load_predictions, save_predictions
from pipeline.jobs import Job, ensemble_job, evaluation_job
from pipeline.runs import Exclusion, Notes, Run, RunConfig, Speed, list_runs, model_names
from tests.dashboard.pages import as_shown, button, click_mark, open_page, texts, tiles, traces
from tests.evaluation.makers import make_dataset, make_run, random_predictions

open_compare = partial(open_page, "compare")

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def speed(ms: float) -> Speed:
    return Speed(ms=ms, p95_ms=ms, threads=2, precision="default", processor="p", measured="now")


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Path]:
    """A workspace to be read only: three runs of one configuration and different seeds."""
    with pytest.MonkeyPatch.context() as patch:
        workspace = tmp_path_factory.mktemp("compared")
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        dataset = make_dataset()
        for seed in range(3):
            run = make_run(dataset, seed=seed, skill=1.0 + 1.5 * seed)
            run.write_speed(speed(1.5 + seed))
            config = run.config()
            train = config.train.model_copy(update={"seed": seed})
            run.write_config(config.model_copy(update={"train": train}))
        yield workspace


@pytest.fixture
def runs(shared, monkeypatch) -> list[Run]:
    """The runs of the shared workspace, as the page lists them."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(shared))
    return list_runs()


def label(run: Run) -> str:
    return model_names()[run.name]


def predictions_of(run: Run) -> Predictions:
    return load_predictions(run, run.evaluation_path(load_dataset("faces").fingerprint, "test"))


def starred(app: AppTest) -> dict[str, set[str]]:
    """Return model → the columns in which its value is shown with a star."""
    shown = pa.ipc.open_stream(
        app.dataframe[0].proto.arrow_data.styler.display_values
    ).read_pandas()
    rows = shown.to_dict("records")
    return {row["model"]: {name for name in row if "★" in str(row[name])} for row in rows}


def test_without_a_model_the_page_says_what_it_is_for_and_leads_to_training():
    app = open_compare()
    assert "There is no model yet" in texts(app)
    assert app.page_link[0].value == "Train a model"


def test_the_name_of_an_ensemble_alone_starts_nothing(runs):
    app = open_compare()
    app.text_input(key="compare.ensemble_name").set_value("both").run()
    assert next(each for each in app.button if each.label == "Save")
    assert "compare.ensemble_started" not in app.session_state


def test_an_ensemble_that_could_not_be_saved_says_why_until_it_is_dismissed(runs):
    job = ensemble_job("both", [run.name for run in runs])
    job.folder.mkdir(parents=True)
    (job.folder / "process.json").write_text("{}")
    (job.folder / "log").write_text("The model cannot be written: free some space.\n")

    app = open_compare()

    assert "'both' was not saved: The model cannot be written: free some space." in texts(app)
    next(each for each in app.button if each.label == "Dismiss").click().run()
    assert "was not saved" not in texts(app) and not job.folder.exists()


def test_a_saved_ensemble_is_announced_and_can_be_added_to_the_comparison():
    dataset = make_dataset()
    first, second, saved = (make_run(dataset, seed=seed) for seed in range(3))
    app = open_compare(models=[first.name, second.name])
    app.session_state["compare.ensemble_started"] = saved.name
    app.run()
    assert [as_shown(each.value) for each in app.success] == [
        f"**{saved.name}** was saved as a model."
    ]

    button(app, "Add to comparison").click().run()
    chosen = [first.name, second.name, saved.name]
    assert app.session_state["compare_models"] == chosen
    button(app, "Dismiss").click().run()
    assert not app.success


def test_the_view_metrics_has_the_best_values_marked_seeds_and_the_ensemble(runs):
    app = open_compare()
    correct = {run.name: predictions_of(run).correct.mean() for run in runs}
    best, worst = (find(runs, key=lambda run: correct[run.name]) for find in (max, min))
    table, seeds = (each.value for each in app.dataframe)

    assert table["model"].tolist() == [label(run) for run in runs]
    rows = table.set_index("model")
    assert {"accuracy", "log loss"} <= starred(app)[label(best)]
    assert starred(app)[label(worst)] == {"parameters", "size", "time"}, "equal ones share it"
    values = [rows.loc[label(worst), name] for name in ("parameters", "size", "time")]
    assert values == [1_200_000, 2.0, 1.5]

    assert seeds["seeds"].tolist() == [3]
    accuracies = [100 * value for value in correct.values()]
    mean_and_deviation = f"{np.mean(accuracies):.1f} ± {np.std(accuracies, ddof=1):.1f}"
    assert seeds["accuracy, %"].tolist() == [mean_and_deviation]

    assert "The mean of the probabilities of 3 models" in texts(app)
    assert "Cost: 7.5 ms a face, 6.0 MB, 3.60 M parameters" in texts(app)
    assert "McNemar" in texts(app)


def test_the_view_pairwise_tests_a_pair_and_shows_its_differing_faces(runs):
    app = open_compare(view="Pairwise")
    first, second = (predictions_of(run) for run in runs[:2])
    names = [app.selectbox(key=f"compare_{which}").value for which in ("first", "second")]
    assert names == [run.name for run in runs[:2]]
    b = int((first.correct & ~second.correct).sum())
    c = int((second.correct & ~first.correct).sum())
    assert f"Only one is correct: {b} against {c} of 70 faces" in texts(app)
    assert f"McNemar p = {mcnemar(b, c):.2g}" in texts(app)
    assert f"{b} only first correct · {c} only second correct" in texts(app)
    numbers = [
        text.replace("</span>", "").rpartition(">")[2].replace("−", "-")
        for text in traces(app, "compare.cells")[1]["text"]
    ]
    faces = np.array(numbers, int).reshape(7, 7)
    assert np.trace(faces) == first.correct.sum() - second.correct.sum()
    assert faces.sum() == 0

    click_mark(app, "compare.pairs", [2, 0])
    assert app.selectbox(key="compare_first").value == runs[2].name
    assert app.selectbox(key="compare_second").value == runs[0].name
    click_mark(app, "compare.cells", [4, 4])
    assert app.query_params["compare_labeled"] == "sad"
    assert "only first predicts sad" in texts(app)
    if "No faces to show." not in texts(app):
        assert {tile["caption"] for tile in tiles(app)} == {"sad"}
    (unselect,) = [b for b in app.button if b.label == "labeled sad, predicted sad"]
    unselect.click().run()
    assert "only first correct" in texts(app)


def test_curves_and_config_diff_open_by_their_address(runs):
    assert len(open_compare(view="Curves", curve="sad").get("plotly_chart")) == 3
    assert open_compare(view="Config diff").dataframe[0].value.index.tolist() == ["seed"]


def test_an_address_of_an_older_version_still_opens_its_view(runs):
    app = open_compare(view="Pairs", outcome="only second right")
    assert app.segmented_control(key="compare_view").value == "Pairwise"
    assert app.segmented_control(key="compare_outcome").value == "only second correct"


def test_one_model_alone_has_no_best_value_and_its_time_can_be_measured(monkeypatch):
    run = make_run(make_dataset())
    run.write_notes(Notes(name="wide"))
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job.command))
    app = open_compare()
    table = app.dataframe[0].value
    assert table["model"].tolist() == ["wide"], "the name that people gave it"
    assert starred(app) == {"wide": set()}
    assert "The time of 1 of 1 models has not been measured" in texts(app)
    (measure,) = [b for b in app.button if b.label.startswith("Measure the time")]
    measure.click().run()
    assert started == [("speed", run.name)]


def test_models_without_predictions_are_named_and_can_be_evaluated(monkeypatch):
    dataset = make_dataset()
    known, missing = make_run(dataset), make_run(dataset, evaluated=False)
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job))
    monkeypatch.setattr(Job, "running", lambda job: job in started)
    app = open_compare()
    assert app.dataframe[0].value["model"].tolist() == [label(known)]
    assert label(missing) in texts(app)
    assert app.button(key="compare_start").label == "Evaluate 1 model"
    app.button(key="compare_start").click().run()
    assert started == [evaluation_job(missing.name, "faces", dataset.fingerprint[:12], "test")]
    assert len(app.progress) == 1


def test_damaged_foreign_or_misplaced_predictions_are_named_and_skipped():
    dataset = make_dataset()
    good, damaged, foreign, misplaced = (
        make_run(dataset, split=split) for split in ("test", "test", "test", "train")
    )
    file = damaged.evaluation_path(dataset.fingerprint, "test") / "predictions.npz"
    file.write_bytes(file.read_bytes()[:99])
    names = {"model": foreign.name, "dataset": "faces", "fingerprint": dataset.fingerprint}
    save_predictions(
        random_predictions(70, **names), foreign.evaluation_path(dataset.fingerprint, "test")
    )
    shutil.move(
        misplaced.evaluation_path(dataset.fingerprint, "train"),
        misplaced.evaluation_path(dataset.fingerprint, "test"),
    )
    app = open_page(
        "compare", split="test", models=[run.name for run in (good, damaged, foreign, misplaced)]
    )
    assert app.dataframe[0].value["model"].tolist() == [label(good)]
    warnings = {
        run.name: warning.value for run in (damaged, foreign, misplaced) for warning in app.warning
        if label(run) in warning.value.split("' ")[0]
    }  # fmt: skip
    assert "missing or damaged" in warnings[damaged.name]
    assert "on other faces of test" in warnings[foreign.name]
    assert "are of other faces" in warnings[misplaced.name]


def test_six_models_are_preselected_and_all_can_be_chosen():
    dataset = make_dataset()
    for seed in range(8):
        make_run(dataset, seed=seed)
    app = open_compare()
    assert len(app.dataframe[0].value) == 6
    app.toggle(key="compare_all").set_value(True).run()
    assert len(app.dataframe[0].value) == 8


def test_models_trained_on_other_faces_are_pointed_out():
    dataset = make_dataset()
    make_run(dataset)
    other = make_run(dataset)
    app = open_compare()
    assert "not all trained on the same faces" not in texts(app)
    other.write_config(other.config().model_copy(update={"dataset_fingerprint": "f" * 64}))
    assert "not all trained on the same faces" in texts(app.run())


def config(**fields) -> RunConfig:
    train = TrainConfig.model_validate({"dataset": "faces", **fields})
    return RunConfig(train=train, dataset_fingerprint="0" * 64)


def test_the_config_diff_has_only_fields_that_differ():
    table = config_diff({"a": config(), "b": config(learning_rate=0.01)}, {})
    assert table.index.tolist() == ["learning rate"]
    assert table.loc["learning rate"].tolist() == ["0.001", "0.01"]
    exclusion = Exclusion(name="few", faces=3, fingerprint="a" * 64)
    excluded = config().model_copy(update={"exclusion": exclusion})
    table = config_diff({"a": config(), "b": excluded}, {})
    assert table.index.tolist() == ["left out of training"]
    vgg16 = config(architecture="vgg16", model={"weights": "none"})
    assert config_diff({"a": config(), "b": vgg16}, {}).loc["widths", "b"] == "–"
    assert config_diff({"a": config(), "b": config()}, {}).empty


def test_config_diff_and_curves_say_how_many_epochs_were_trained_and_why_not_all():
    dataset = make_dataset()
    first, second = make_run(dataset), make_run(dataset, seed=1)
    first.update_status(epoch=24, epochs=60, stopped_early=True)
    second.update_status(epoch=30, epochs=60, state="stopped")
    table = open_compare(view="Config diff").dataframe[0].value
    told = ["24 of 60, early stopping", "30 of 60, stopped"]
    assert sorted(table.loc["epochs trained"]) == told
    assert all(each in texts(open_compare(view="Curves")) for each in told)


def test_differing_faces_of_a_cell_are_those_that_only_one_model_predicts():
    first, second = random_predictions(200, seed=1), random_predictions(200, seed=1, skill=3.0)
    groups = list(differing_faces(first, second, (3, 3)).values())
    for faces, one, other in zip(groups, (first, second), (second, first), strict=True):
        expected = (first.y_true == 3) & (one.predicted == 3) & (other.predicted != 3)
        assert sorted(faces) == np.flatnonzero(expected).tolist()
