from streamlit.testing.v1 import AppTest

from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclude, load_exclusions
from pipeline.data.store import dataset_info, dataset_names
from pipeline.runs import create_run
from tests.dashboard.pages import press
from tests.evaluation.makers import make_dataset, make_run


def script() -> None:
    import streamlit as st

    from dashboard.views.dataset.manage import show_manage
    from pipeline.data.store import dataset_names

    names = dataset_names()
    if st.session_state.get("dataset.imported") in names:
        st.session_state["dataset"] = st.session_state.pop("dataset.imported")
    if names:
        show_manage(st.selectbox("Data set", names, key="dataset"))


def page(dataset: str = "faces") -> AppTest:
    app = AppTest.from_function(script, default_timeout=30)
    app.session_state["dataset"] = dataset
    return app.run()


def rename(app: AppTest, new: str) -> AppTest:
    app.text_input[0].set_value(new)
    return press(app, "Rename")


def remove(app: AppTest) -> AppTest:
    return press(press(app, "Remove…"), "Remove permanently")


def test_a_renamed_data_set_is_still_shown_with_everything_in_its_folder():
    make_dataset("another")
    dataset = make_dataset("faces")
    exclude(dataset, "odd", dict.fromkeys(["f1"], "by hand"))
    app = rename(page(), " fer2013 ")

    assert dataset_names() == ["another", "fer2013"] and not app.error
    assert app.selectbox[0].value == "fer2013" and app.text_input[0].value == "fer2013"
    assert dataset_info("fer2013").fingerprint == dataset.fingerprint
    assert list(load_exclusions("fer2013", "odd").reasons) == ["f1"]


def test_a_name_that_cannot_be_used_gives_one_sentence():
    make_dataset("another")
    make_dataset("faces")
    app = page()
    for new in ("another", "two words", "", "../x"):
        rename(app, new)
        (error,) = app.error
        assert "taken" in error.value or "cannot be used" in error.value
        assert dataset_names() == ["another", "faces"]


def test_a_data_set_is_removed_only_after_a_second_click():
    make_dataset("another")
    make_dataset("faces")
    app = press(page(), "Remove…")
    assert dataset_names() == ["another", "faces"]
    assert "**faces** will be permanently deleted" in app.markdown[0].value

    press(app, "Remove permanently")
    assert dataset_names() == ["another"] and app.selectbox[0].value == "another"
    assert not remove(app).button and not dataset_names()


def test_a_data_set_that_a_run_waits_for_is_neither_renamed_nor_removed():
    dataset = make_dataset()
    late = press(page(), "Remove…")  # the run starts before the second click
    run = create_run(TrainConfig(dataset="faces"), dataset.fingerprint)
    for app in (
        rename(page(), "other"),
        press(page(), "Remove…"),
        press(late, "Remove permanently"),
    ):
        (error,) = app.error
        assert f"needed by the run '{run.name}': stop that first" in error.value
        assert dataset_names() == ["faces"]


def test_data_sets_that_are_damaged_used_by_a_finished_run_or_gone_are_removed(empty_workspace):
    for file in ("meta.json", "index.parquet", "images.npy"):
        make_dataset()
        (empty_workspace / "datasets" / "faces" / file).write_bytes(b"nothing")
        app = rename(page(), "broken")
        assert dataset_names() == ["broken"] and not app.error
        remove(app)
        assert not dataset_names()

    make_run(make_dataset())
    remove(page())
    assert not dataset_names()

    make_dataset("another")
    make_dataset()
    app = press(page(), "Remove…")
    (empty_workspace / "datasets" / "faces").rename(empty_workspace / "gone")
    press(app, "Remove permanently")
    assert dataset_names() == ["another"]
