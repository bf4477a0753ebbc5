import pytest
from streamlit.testing.v1 import AppTest

from pipeline.data.exclusions import exclude, load_exclusions
from pipeline.data.store import dataset_info, dataset_names
from pipeline.runs import create_run
from pipeline.training.config import TrainConfig
from tests.evaluation.makers import make_dataset, make_run

PAGE = """
import streamlit as st
from dashboard.components.dataset.manage import show_manage
from pipeline.data.store import dataset_names

names = dataset_names()
if st.session_state.get("dataset.imported") in names:
    st.session_state["dataset"] = st.session_state.pop("dataset.imported")
if names:
    show_manage(st.selectbox("Data set", names, key="dataset"))
"""


def page() -> AppTest:
    return AppTest.from_string(PAGE, default_timeout=30).run()


def click(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception
    return at


def rename(at: AppTest, new: str) -> AppTest:
    at.text_input[0].set_value(new)
    return click(at, "Rename")


def test_a_renamed_data_set_stays_in_sight_with_all_that_is_kept_with_it():
    make_dataset("another")
    dataset = make_dataset("faces")
    exclude(dataset, "odd", dict.fromkeys(["f1"], "by hand"))
    at = page()
    at.selectbox[0].set_value("faces").run()

    rename(at, " fer2013 ")

    assert dataset_names() == ["another", "fer2013"] and not at.error
    assert at.selectbox[0].value == "fer2013" and at.text_input[0].value == "fer2013"
    assert dataset_info("fer2013").fingerprint == dataset.fingerprint
    assert list(load_exclusions("fer2013", "odd").reasons) == ["f1"]


@pytest.mark.parametrize("new", ["another", "two words", "", "../x"])
def test_a_name_that_cannot_be_had_gives_one_sentence(new):
    make_dataset("another")
    make_dataset("faces")
    at = page()
    at.selectbox[0].set_value("faces").run()

    rename(at, new)

    (error,) = at.error
    assert "taken" in error.value or "not a plain name" in error.value
    assert dataset_names() == ["another", "faces"]


def test_a_data_set_is_removed_only_after_a_second_click():
    make_dataset("another")
    make_dataset("faces")
    at = page()
    at.selectbox[0].set_value("faces").run()

    click(at, "Remove…")
    assert dataset_names() == ["another", "faces"]
    assert "**faces** goes for good" in at.markdown[0].value

    click(at, "Remove for good")
    assert dataset_names() == ["another"] and at.selectbox[0].value == "another"


def test_the_last_data_set_can_be_removed():
    make_dataset()
    at = click(click(page(), "Remove…"), "Remove for good")
    assert not dataset_names() and not at.button


@pytest.mark.parametrize("action", ["rename", "remove"])
def test_what_a_run_waits_for_is_neither_renamed_nor_removed(action):
    run = create_run(TrainConfig(dataset="faces"), make_dataset().fingerprint)
    at = page()

    at = rename(at, "other") if action == "rename" else click(at, "Remove…")

    (error,) = at.error
    assert f"needed by the run '{run.name}': stop that first" in error.value
    assert dataset_names() == ["faces"]


def test_a_run_that_begins_before_the_second_click_keeps_its_data_set():
    dataset = make_dataset()
    at = click(page(), "Remove…")
    create_run(TrainConfig(dataset="faces"), dataset.fingerprint)

    click(at, "Remove for good")

    assert "needed by the run" in at.error[0].value and dataset_names() == ["faces"]


def test_a_finished_run_holds_nothing_back():
    make_run(make_dataset())
    click(click(page(), "Remove…"), "Remove for good")
    assert not dataset_names()


@pytest.mark.parametrize("file", ["meta.json", "index.parquet", "images.npy"])
def test_a_damaged_data_set_can_be_renamed_and_removed(file, empty_workspace):
    make_dataset()
    (empty_workspace / "datasets" / "faces" / file).write_bytes(b"nothing")
    at = rename(page(), "broken")
    assert dataset_names() == ["broken"] and not at.error

    click(click(at, "Remove…"), "Remove for good")
    assert not dataset_names()


def test_a_data_set_that_somebody_else_removed_meanwhile_gives_one_sentence(empty_workspace):
    make_dataset()
    make_dataset("another")
    at = page()
    at.selectbox[0].set_value("faces").run()
    click(at, "Remove…")
    (empty_workspace / "datasets" / "faces").rename(empty_workspace / "gone")

    click(at, "Remove for good")

    assert not at.exception and dataset_names() == ["another"]
