from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.components.train.run_list import table
from pipeline.data.importing import import_dataset
from pipeline.runs import Notes, RunTable, list_runs
from tests.dashboard.clicks import click
from tests.dashboard.made_runs import button, make_queued, make_run, train_page


def listed(at: AppTest) -> list[str]:
    tables = [table.value for table in at.dataframe if "run" in table.value]
    return sorted(tables[0]["run"]) if tables else []


def opened(at: AppTest) -> str:
    return at.session_state["train.run"]


def test_empty_page_says_what_it_is_for_and_leads_to_the_import():
    at = train_page()
    assert "Configure a network" in at.markdown[0].value
    button(at, "Import a data set").click().run()
    assert at.title[0].value == "Dataset"


def test_with_faces_alone_the_page_begins_with_a_new_run_and_opens_it_once_started(empty_workspace):
    import_dataset(Path("sample"), "sample")
    at = train_page()
    assert at.session_state["train.view"] == "New run"
    make_run("from a terminal")
    at.run()
    assert at.session_state["train.view"] == "New run"

    button(at, "Start training").click().run()

    assert not at.exception and not at.error
    newest = next(run for run in list_runs() if run.state() == "queued")
    assert at.session_state["train.view"] == "Runs" and opened(at) == newest.name
    assert "Start training" not in [button.label for button in at.button]


def test_runs_are_shown_without_any_data_set_and_a_new_one_asks_for_faces():
    make_run("wide")
    at = train_page()
    assert at.session_state["train.view"] == "Runs" and listed(at) == ["wide"]
    at.segmented_control(key="train.view").set_value("New run").run()
    assert button(at, "Import a data set")


def test_experiments_are_a_view_only_where_there_are_some():
    run = make_run("wide")
    at = train_page()
    assert at.segmented_control(key="train.view").options == ["Runs", "New run"]
    run.write_notes(Notes(experiment="rates"))
    at.run()
    assert at.segmented_control(key="train.view").options == ["Runs", "New run", "Experiments"]
    at.segmented_control(key="train.view").set_value("Experiments").run()
    assert not at.exception
    run.write_notes(Notes())
    assert at.run().session_state["train.view"] == "Runs" and not at.exception


def test_the_table_tells_states_in_words_and_accuracies_in_percent():
    make_run("wide", "failed").config_path.write_text("{")
    make_run("deep", "stopped").write_notes(Notes(name="deep", tags=("a", "b"), experiment="rates"))

    rows = table(sorted(RunTable().rows(), key=lambda row: row.title)).to_dict("records")

    assert [row["run"] for row in rows] == ["deep", "wide"]
    assert [row["state"] for row in rows] == ["■ stopped", "✕ damaged"]
    assert rows[0]["best accuracy"] == 50.0 and (rows[0]["epochs"], rows[0]["of"]) == (3, 5)
    assert (rows[0]["tags"], rows[0]["experiment"]) == (["a", "b"], "rates")
    assert datetime.now(UTC) - rows[0]["created"] < timedelta(minutes=1)


def test_a_run_stays_open_when_others_begin_or_are_filtered_in():
    older = make_run("older")
    at = train_page()
    assert opened(at) == older.name

    make_run("newer")
    at.run()

    assert opened(at) == older.name
    places = at.session_state["train.runs"]["selection"]["rows"]
    assert [list(at.dataframe[0].value["run"])[place] for place in places] == ["older"]
    at.text_input(key="train.find").set_value("newer").run()
    assert opened(at) == older.name and listed(at) == ["newer"]
    assert at.session_state["train.runs"]["selection"]["rows"] == []


def test_a_ticked_row_that_is_not_in_the_table_any_more_opens_nothing():
    run = make_run("wide")
    at = train_page()

    click(at, "train.runs", rows=[1], columns=[], cells=[])

    assert not at.exception and opened(at) == run.name


def test_runs_are_found_by_name_note_tag_and_what_they_are():
    make_run("wide").write_notes(Notes(name="wide", note="Look at fear", tags=("ema",)))
    make_run("deep", "failed")
    at = train_page()

    for text, found in (("wide", ["wide"]), ("FEAR ema", ["wide"]), ("deep ema", [])):
        at.text_input(key="train.find").set_value(text).run()
        assert listed(at) == found

    button(at, "Clear the filters").click().run()
    assert listed(at) == ["deep", "wide"]
    at.selectbox(key="train.only.state").set_value("failed").run()
    assert listed(at) == ["deep"]
    assert not at.exception


def test_the_name_of_a_run_opens_it():
    make_run("older")
    waiting = make_queued("waiting")[0]
    at = train_page()
    at.segmented_control(key="train.view").set_value("New run").run()

    button(at, "**waiting**").click().run()

    assert at.session_state["train.view"] == "Runs" and opened(at) == waiting.name


def test_a_damaged_run_does_not_break_the_page():
    make_run("wide").config_path.write_text("{")
    at = train_page()
    assert not at.exception
    assert list(at.dataframe[0].value["state"]) == ["✕ damaged"]
