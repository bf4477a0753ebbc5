"""The Train page: its views, running and queued runs, and the table of runs."""

import errno
from datetime import UTC, datetime, timedelta

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from dashboard.views.train.run_list import runs_table
from pipeline.config.train_config import TrainConfig
from pipeline.queue import queue, settings
from pipeline.runs import Notes, RunTable, create_run, list_runs
from tests.dashboard.made_runs import home, make_queued, make_run, make_running, train_page
from tests.dashboard.pages import button, click, labels, open_page, press, texts
from tests.evaluation.makers import make_ensemble

PROGRESS = {
    **{"step": 4, "steps": 10, "loss": 1.234, "accuracy": 0.456},
    **{"images_per_s": 217.4, "eta_s": 200.0},
}


def listed(at: AppTest) -> list[str]:
    tables = [table.value for table in at.dataframe if "run" in table.value]
    return sorted(tables[0]["run"]) if tables else []


def open_run_name(at: AppTest) -> str:
    return at.session_state["train.run"]


def view(at: AppTest) -> str:
    assert not at.exception and not at.error
    return at.session_state["train.view"]


def test_empty_page_says_what_it_is_for_and_leads_to_the_import():
    at = home().switch_page("app_pages/train.py").run()
    assert "Configure a network" in at.markdown[0].value
    button(at, "Import a data set").click().run()
    assert at.title[0].value == "Dataset"


@pytest.mark.usefixtures("two_datasets")
def test_with_faces_alone_the_page_begins_with_a_new_run_and_opens_it_once_started():
    at = train_page()
    assert view(at) == "New run"
    make_run("from a terminal")
    assert view(at.run()) == "New run"

    button(at, "Start training").click().run()

    started = next(run for run in list_runs() if run.state() == "queued")
    assert view(at) == "Runs" and open_run_name(at) == started.name
    assert "Start training" not in [button.label for button in at.button]


def test_views_follow_what_there_is():
    run = make_run("wide")
    at = train_page()
    views = at.segmented_control(key="train.view")
    assert view(at) == "Runs" and listed(at) == ["wide"] and views.options == ["Runs", "New run"]
    views.set_value("New run").run()
    assert button(at, "Import a data set")  # there is no data set

    run.write_notes(Notes(experiment="rates"))
    views = at.run().segmented_control(key="train.view")
    assert views.options == ["Runs", "New run", "Experiments"]
    assert view(views.set_value("Experiments").run()) == "Experiments"
    run.write_notes(Notes())
    assert view(at.run()) == "Runs"


def test_the_table_has_states_in_words_and_accuracies_in_percent():
    make_run("wide", "failed").config_path.write_text("{")
    make_run(state="stopped").write_notes(Notes(name="deep", tags=("a", "b"), experiment="rates"))

    rows = runs_table(sorted(RunTable().rows(), key=lambda row: row.title)).to_dict("records")

    assert [row["run"] for row in rows] == ["deep", "wide"]
    assert [row["state"] for row in rows] == ["■ stopped", "✕ damaged"]
    assert rows[0]["best accuracy"] == 40.0 and rows[0]["epochs"] == 3
    assert (rows[0]["tags"], rows[0]["experiment"]) == (["a", "b"], "rates")
    assert datetime.now(UTC) - rows[0]["created"] < timedelta(minutes=1)


def test_a_model_that_was_not_trained_here_has_no_epochs_and_comes_last():
    trained, ensemble = make_run("wide"), make_ensemble("mean")

    at = train_page()

    assert open_run_name(at) == trained.name
    rows = at.dataframe[0].value.replace({float("nan"): None}).to_dict("records")
    assert [(row["run"], row["architecture"], row["epochs"]) for row in rows] == [
        ("wide", "custom_cnn", 3),
        (ensemble.name, "ensemble", None),
    ]


def test_a_run_stays_open_when_others_start_are_filtered_or_were_deleted():
    older = make_run("older")
    at = train_page()
    assert open_run_name(at) == older.name

    make_run("newer")
    at.run()

    assert open_run_name(at) == older.name
    cells = at.session_state["train.runs"]["selection"]["cells"]
    assert [list(at.dataframe[0].value["run"])[row] for row, _ in cells] == ["older"]
    at.text_input(key="train.search").set_value("newer").run()
    assert open_run_name(at) == older.name and listed(at) == ["newer"]
    assert at.session_state["train.runs"]["selection"]["cells"] == []

    for selection in ({"rows": [1], "cells": []}, {"rows": [], "cells": [[1, "run"]]}):
        click(at, "train.runs", columns=[], **selection)  # a row that is no longer there
        assert not at.exception and open_run_name(at) == older.name


def test_a_click_or_an_arrow_key_opens_a_run_and_a_tick_too():
    make_run("a"), make_run("b")
    at = train_page()
    first, second = (row.run.name for row in RunTable().rows())
    assert open_run_name(at) == first

    click(at, "train.runs", rows=[], columns=[], cells=[[1, "state"]])
    assert open_run_name(at) == second
    click(at, "train.runs", rows=[0], columns=[], cells=[[1, "state"]])
    assert open_run_name(at) == first
    selection = at.session_state["train.runs"]["selection"]
    assert (selection["rows"], selection["cells"]) == ([0], [[0, "run"]])


def test_runs_are_found_by_name_note_tag_and_state():
    make_run().write_notes(Notes(name="wide", note="Look at fear", tags=("ema",)))
    make_run("deep", "failed").config_path.write_text("{")
    at = train_page()
    assert "✕ damaged" in list(at.dataframe[0].value["state"])

    for text, found in (("wide", ["wide"]), ("FEAR ema", ["wide"]), ("deep ema", [])):
        at.text_input(key="train.search").set_value(text).run()
        assert listed(at) == found, text

    button(at, "Clear the filters").click().run()
    assert listed(at) == ["deep", "wide"]
    at.selectbox(key="train.filter.state").set_value("damaged").run()
    assert listed(at) == ["deep"]
    assert not at.exception


def test_a_running_run_shows_its_progress_and_stops_after_its_epoch():
    run = make_running("wide", **PROGRESS)
    at = train_page()
    for text in (
        "epoch 4/5 · 3 min 20 s left",
        "step 4/10 · 217 images/s",
        "loss 1.234 · accuracy 45.6%",
        "best val accuracy 40.0% in epoch 2",
    ):
        assert text in texts(at)

    at.menu_button(key=f"train.active.stop.{run.name}").click("After this epoch").run()

    assert run.stop_path.exists() and run.state() == "running"
    assert "stops after this epoch" in texts(at)
    assert "stops after this epoch" in at.toast[0].value
    assert not at.run().toast and not at.exception


def test_a_run_that_ends_keeps_its_card_until_it_is_hidden_or_another_run_takes_its_place():
    run = make_running("wide", **PROGRESS)
    at = train_page()
    run.update_status(state="finished", eta_s=None)
    at.run()
    assert "3 of 5 epochs" in texts(at) and "best val accuracy 40.0% in epoch 2" in texts(at)
    following = make_running("next", **PROGRESS)
    at.run()
    assert "3 of 5 epochs" not in texts(at) and "epoch 4/5 · 3 min 20 s left" in texts(at)
    following.update_status(state="stopped", eta_s=None)
    at.run()
    press(at, "Hide")
    assert "of 5 epochs" not in texts(at) and "Hide" not in labels(at)


def test_values_that_come_later_have_their_place_from_the_start():
    run = create_run(TrainConfig(dataset="sample"), "f" * 64, claimed=True)
    before = train_page()
    assert "starting" in texts(before) and "loss – · accuracy –" in texts(before)

    run.update_status(step=1, steps=10, loss=1.0, accuracy=0.5, images_per_s=9.0, eta_s=5.0)

    after = train_page()
    for kind in ("markdown", "caption", "progress", "button"):
        assert len(after.get(kind)) == len(before.get(kind)), kind


@pytest.mark.usefixtures("two_datasets")
def test_saving_the_engine_leaves_what_another_session_changed():
    app = open_page("train")
    fields = {each.label: each for each in app.number_input}
    fields["CPUs of one run"].set_value(5)
    settings.change_settings(gpus=2.0, address="http://other:8265")
    button(app, "Save").click()
    app.run()

    now = settings.queue_settings()
    assert (now.cpus, now.gpus, now.address) == (5, 2.0, "http://other:8265")


@pytest.mark.slow
def test_queued_runs_are_opened_moved_and_canceled():
    runs = make_queued("first", "second", "third")
    runs[0].update_status(message="The cluster does not answer.")
    at = train_page()
    assert "The cluster does not answer." in texts(at)
    at.segmented_control(key="train.view").set_value("New run").run()
    press(at, "**second**")
    assert at.session_state["train.view"] == "Runs" and open_run_name(at) == runs[1].name
    assert button(at, "Earlier").disabled

    at.button(key=f"train.active.Later.{runs[0].name}.1").click().run()
    assert [run.notes().name for run in queue.queued_runs()] == ["second", "first", "third"]
    at.button(key=f"train.active.Earlier.{runs[2].name}.3").click().run()
    assert [run.notes().name for run in queue.queued_runs()] == ["second", "third", "first"]

    at.button(key=f"train.active.Cancel.{runs[2].name}").click().run()
    assert runs[2].state() == "stopped" and not at.exception
    runs[0].update_status(state="finished")
    at.button(key=f"train.active.Cancel.{runs[0].name}").click().run()
    assert "nothing to stop" in at.toast[0].value and not at.exception


def test_parallel_runs_are_set_here_and_follow_what_others_set():
    make_run("wide")
    at = train_page()
    at.number_input(key="train.max_parallel_runs").set_value(3).run()
    assert settings.max_parallel_runs() == 3
    settings.set_max_parallel_runs(2)
    assert at.run().number_input(key="train.max_parallel_runs").value == 2


def test_every_page_shows_training_in_the_sidebar_and_starts_a_missing_worker(started):
    at = home()
    assert not at.sidebar.markdown and not at.sidebar.caption and started == []
    make_running("wide", **PROGRESS)
    make_queued("first", "second")
    at.run()
    assert "wide" in at.sidebar.markdown[0].value
    assert at.sidebar.get("progress")[0].text == "68% · 3 min 20 s left"
    assert at.sidebar.caption[0].value == "2 more runs queued"
    assert started == [["work"]]
    at.switch_page("app_pages/train.py").run()
    assert started == [["work"]]


def test_the_end_of_a_run_is_announced_once():
    def page() -> None:
        from dashboard.views.train.sidebar import _show_runs

        _show_runs("Train")

    run = make_running("wide")
    at = AppTest.from_function(page).run()
    assert not at.toast
    for state in ("finished", "stopped", "failed", "interrupted"):
        interrupted = {"state": "running", "process_started": 1.0}
        run.update_status(**(interrupted if state == "interrupted" else {"state": state}))
        at.run()
        assert [toast.value for toast in at.toast] == [f"{state.capitalize()}: wide"], state
        assert not at.run().toast and not at.exception
        run.update_status(state="queued")
        run.claim("queued")
        at.run()


def test_no_page_fails_where_no_lock_can_be_written(monkeypatch):
    def refuse(lock: FileLock, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", lock.lock_file)

    make_queued("waits")
    monkeypatch.setattr(FileLock, "acquire", refuse)
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    for name in ("overview", "dataset", "train", "evaluate", "compare", "live"):
        app = open_page(name)
        assert any("Permission denied" in error.value for error in app.sidebar.error), name


def test_several_selected_runs_are_compared_and_the_last_selected_one_is_open(two_datasets):
    for name in ("first", "second"):
        run = make_run(name)
        run.openvino_path.parent.mkdir()
        for suffix in (".xml", ".bin"):
            run.openvino_path.with_suffix(suffix).write_bytes(b"x")
    at = home()
    at.switch_page("app_pages/train.py").run()
    names = [row.run.name for row in RunTable().rows()]
    assert open_run_name(at) == names[0] and at.query_params["train.run"] == names[0]
    click(at, "train.runs", rows=[0, 1], columns=[], cells=[])
    assert open_run_name(at) == names[1]
    press(at, "Compare the 2 selected")
    assert at.multiselect(key="compare_models").value == names
