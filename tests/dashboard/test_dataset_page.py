import shutil

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.data.audit import audit, keep_audit
from pipeline.data.exclusions import exclude, exclusion_names, load_exclusions
from pipeline.data.jobs import AuditJob
from pipeline.data.store import dataset_info, load_dataset
from pipeline.runs import list_models
from pipeline.workspace import PROJECT
from tests.conftest import wait_for
from tests.dashboard.tiles import tiles

HOME = str(PROJECT / "dashboard" / "Home.py")


@pytest.fixture
def workspace(trained, empty_workspace):
    """A workspace of its own with the drawn faces and the trained run."""
    shutil.copytree(trained, empty_workspace)
    return empty_workspace


def dataset_page(view: str = "Overview", **state: object) -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60).run()
    app.query_params["view"] = view
    for key, value in state.items():
        app.session_state[key] = value
    return app.switch_page("app_pages/dataset.py").run()


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


@pytest.mark.parametrize("view", ["Overview", "Faces", "Audit", "Map", "FER+"])
def test_every_view_opens_and_names_the_data_set(filled_workspace, view):
    app = dataset_page(view)
    assert not app.exception and not app.error
    line = next(element.value for element in app.markdown if "fingerprint" in element.value)
    assert dataset_info("sample").fingerprint[:12] in line and "1,400 faces" in line


def test_faces_are_filtered_by_the_choices_and_the_chips_take_filters_away(filled_workspace):
    app = dataset_page("Faces")
    assert app.subheader[-1].value == "1,400 faces" and len(tiles(app)) == 60
    app.selectbox(key="dataset.filter.emotion").set_value("sad").run()
    app.selectbox(key="dataset.filter.split").set_value("test").run()
    assert app.subheader[-1].value == "30 faces"
    assert {(tile["caption"], tile["mark"]) for tile in tiles(app)} == {("sad", "test")}
    button(app, "test").click().run()
    assert app.subheader[-1].value == "200 faces"
    assert app.selectbox(key="dataset.filter.split").value is None
    app.text_input(key="dataset.filter.id").set_value("nothing").run()
    assert app.subheader[-1].value == "0 faces" and not app.exception


def test_what_a_model_said_is_asked_for_and_shown(filled_workspace):
    app = dataset_page("Faces")
    (run,) = [model for model in list_models() if not model.shipped]
    app.selectbox(key="dataset.filter.said").set_value((run.name, "happy")).run()
    assert not app.exception
    assert tiles(app) and all("happy" in tile["mark"] for tile in tiles(app))


def test_an_audit_is_offered_made_in_its_own_process_and_shown(workspace):
    app = dataset_page("Audit")
    button(app, "Audit the pictures").click().run()
    wait_for(lambda: not AuditJob("sample").running())
    app = dataset_page("Audit")
    assert not app.exception and not app.error
    titles = " ".join(element.value for element in app.markdown)
    assert "**Near identical**" in titles and "**Flat** · **0** faces" in titles
    button(app, "Show faces").click().run()
    assert "near identical" in labels(app)
    assert all("near twin" in tile["mark"] for tile in tiles(app))


def test_an_audit_that_failed_says_why_and_is_offered_again(workspace, tmp_path):
    job = AuditJob("sample")
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The disk is full: free some space.\n")
    app = dataset_page("Audit")
    assert app.error[0].value == "The disk is full: free some space."
    assert "Audit the pictures" in labels(app)


def test_the_faces_of_a_finding_are_proposed_for_exclusion_but_the_first_of_each_group(workspace):
    dataset = load_dataset("sample")
    found = audit(dataset)
    keep_audit(dataset, found)
    app = dataset_page("Audit")
    button(app, "Show faces").click().run()
    faces = int(found.faces("near_identical").sum())
    button(app, f"Exclude {faces:,}…").click().run()
    assert app.text_input(key="exclude.reason").value == "near identical"
    groups = found.near_identical.max() + 1
    assert app.button(key="exclude").label == f"Exclude {faces - groups:,} faces"
    assert app.button(key="exclude").disabled  # until a list is named


def test_of_twins_that_were_picked_by_hand_all_are_proposed(workspace):
    dataset = load_dataset("sample")
    found = audit(dataset)
    keep_audit(dataset, found)
    app = dataset_page("Audit")
    button(app, "Show faces").click().run()
    app.toggle(key="dataset.picking").set_value(True)
    twins = found.near_identical == 0
    app.session_state["dataset.picked"] = set(twins.nonzero()[0].tolist())
    button(app.run(), f"Exclude {twins.sum()}…").click().run()
    assert app.button(key="exclude").label == f"Exclude {twins.sum()} faces"
    assert app.text_input(key="exclude.reason").value == "picked by hand"


@pytest.mark.parametrize(
    ("kind", "value"), [("doubted", "gone"), ("finding", "doubtful"), ("majority", "happy")]
)
def test_a_filter_that_says_nothing_any_more_leaves_no_face(filled_workspace, kind, value):
    app = dataset_page("Faces")
    app.session_state["dataset.filters"] = {kind: value}
    app.run()
    assert not app.exception and app.subheader[-1].value == "0 faces"


@pytest.mark.parametrize(("kind", "value"), [("said", ("gone", "happy")), ("excluded", "gone")])
def test_a_filter_whose_model_or_list_is_gone_is_one_sentence(filled_workspace, kind, value):
    app = dataset_page("Overview")
    app.session_state["dataset.filters"] = {kind: value}
    app.run()
    assert not app.exception and "gone" in app.error[0].value


def test_a_data_set_that_is_gone_is_named(filled_workspace):
    app = AppTest.from_file(HOME, default_timeout=60).run()
    app.query_params["dataset"] = "older"
    app.switch_page("app_pages/dataset.py").run()
    assert not app.exception and "no data set 'older'" in app.info[0].value


def test_exclusion_lists_are_shown_returned_from_and_removed(workspace):
    dataset = load_dataset("sample")
    exclude(dataset, "odd", dict.fromkeys(dataset.ids[:3].tolist(), "by hand"))
    keep_audit(dataset, audit(dataset))
    app = dataset_page("Audit")
    app.button(key="show list odd").click().run()
    assert app.subheader[-1].value == "3 faces"
    button(app, "Take 3 off the list").click().run()
    assert len(load_exclusions("sample", "odd")) == 0
    app.button(key="remove list odd").click().run()
    assert exclusion_names("sample") == [] and not app.exception


def test_another_data_set_begins_without_filters(workspace):
    shutil.copytree(workspace / "datasets" / "sample", workspace / "datasets" / "second")
    app = dataset_page("Faces")
    app.selectbox(key="dataset.filter.emotion").set_value("sad").run()
    app.selectbox(key="dataset").set_value("second").run()
    assert not app.exception and app.subheader[-1].value == "1,400 faces"
