import shutil

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.data.audit import audit, save_audit
from pipeline.data.exclusions import exclude, exclusion_names, load_exclusions
from pipeline.data.store import dataset_info, load_dataset
from pipeline.jobs import audit_job
from tests.conftest import wait_for
from tests.dashboard.pages import button, heading, open_dataset, texts, tiles
from tests.data.dataset_makers import store_repeated_faces
from tests.evaluation.makers import make_run, store_evaluation


@pytest.fixture
def audited(empty_workspace):
    """Faces of which some occur more than once, with their audit."""
    dataset = store_repeated_faces()
    findings = audit(dataset)
    save_audit(dataset, findings)
    return findings


def test_every_view_opens_and_names_the_data_set(sample):
    for view in ("Overview", "Faces", "Audit", "Map", "FER+"):
        app = open_dataset(view)
        assert not app.error, view
        line = next(element.value for element in app.markdown if "fingerprint" in element.value)
        assert dataset_info("sample").fingerprint[:12] in line and "1,400 faces" in line


def test_a_view_without_results_shows_how_to_get_them_and_no_faces(sample):
    for view, step in (
        ("Audit", "Audit images"),
        ("Map", "Compute map"),
        ("FER+", "Import with votes…"),
    ):
        app = open_dataset(view)
        app.session_state["dataset.filters"] = {"emotion": "sad"}
        app.run()
        assert button(app, step), view
        assert not app.get("bidi_component"), view


def test_controls_set_filters_and_chips_drop_them(sample):
    run = make_run(load_dataset("sample"))
    app = open_dataset("Faces")
    assert heading(app) == "1,400 faces" and len(tiles(app)) == 60
    app.selectbox(key="dataset.filter.emotion").set_value("sad").run()
    app.selectbox(key="dataset.filter.split").set_value("test").run()
    assert heading(app) == "30 faces"
    assert {(tile["caption"], tile["mark"]) for tile in tiles(app)} == {("sad", "test")}
    button(app, "test").click().run()
    assert heading(app) == "200 faces"
    assert app.selectbox(key="dataset.filter.split").value is None
    app.text_input(key="dataset.filter.id").set_value("nothing").run()
    assert heading(app) == "0 faces"
    app.text_input(key="dataset.filter.id").set_value("").run()
    app.selectbox(key="dataset.filter.predicted").set_value((run.name, "sad")).run()
    assert tiles(app) and all("sad" in tile["mark"] for tile in tiles(app))
    assert not app.exception


def test_filters_stay_in_the_view_that_they_were_set_in(audited):
    app = open_dataset("Faces")
    app.selectbox(key="dataset.filter.split").set_value("test").run()
    app.segmented_control(key="view").set_value("Audit").run()
    assert heading(app) == "Exclusion lists"
    app.button(key="show Near-duplicates").click().run()
    assert button(app, "near-duplicates")
    app.segmented_control(key="view").set_value("Faces").run()
    assert app.selectbox(key="dataset.filter.split").value == "test"
    assert app.selectbox(key="dataset.filter.finding").value is None
    app.segmented_control(key="view").set_value("Audit").run()
    assert button(app, "near-duplicates")


def test_filters_that_cannot_be_met_leave_no_face_or_give_one_sentence(sample):
    app = open_dataset("Faces")
    for active, sentence in (
        ({"label_issue": "gone"}, ""),
        ({"finding": "likely_mislabeled"}, ""),
        ({"majority": "happy"}, ""),
        ({"predicted": ("gone", "happy")}, "gone"),
        ({"excluded": "gone"}, "gone"),
    ):
        app.session_state["dataset.filters"] = active
        app.run()
        assert not app.exception, active
        if sentence:
            assert sentence in app.error[0].value
        else:
            assert heading(app) == "0 faces", active


@pytest.mark.slow
def test_an_audit_is_made_in_its_own_process_and_shown(empty_workspace):
    store_repeated_faces()
    app = open_dataset("Audit")
    button(app, "Audit images").click().run()
    wait_for(lambda: not audit_job("faces").running())
    app = open_dataset("Audit")
    titles = " ".join(element.value for element in app.markdown)
    assert "**Near-duplicates** · **8** faces" in titles
    assert "**Low contrast** · **0** faces" in titles
    captions = " ".join(caption.value for caption in app.caption)
    assert "None yet" in captions and "evaluate one on another split" in captions
    app.button(key="show Near-duplicates").click().run()
    assert button(app, "near-duplicates")
    assert all("near-duplicate" in tile["mark"] for tile in tiles(app))


def test_a_failed_audit_says_why_and_is_offered_again(sample):
    job = audit_job("sample")
    job.folder.mkdir(parents=True)
    (job.folder / "log").write_text("The disk is full: free some space.\n")
    app = open_dataset("Audit")
    assert app.error[0].value == "The disk is full: free some space."
    assert button(app, "Audit images")


def test_faces_of_a_finding_are_proposed_for_exclusion_but_the_first_of_each_group(audited):
    app = open_dataset("Audit")
    app.button(key="show Near-duplicates").click().run()
    faces = int(audited.mask("near_duplicates").sum())
    button(app, f"Exclude {faces:,}…").click().run()
    assert app.text_input(key="exclude.reason").value == "near-duplicates"
    groups = audited.near_duplicates.max() + 1
    assert app.button(key="exclude").label == f"Exclude {faces - groups:,} faces"
    assert app.button(key="exclude").disabled  # until a list is named


def test_a_new_list_may_be_typed_with_spaces_and_a_wrong_name_is_said_at_once(audited):
    def page():
        import numpy as np

        from dashboard.widgets.exclusion_form import exclusion_form
        from pipeline.data.store import load_dataset

        exclusion_form(load_dataset("faces"), np.array([0, 1]), "odd")

    def typed(name: str) -> AppTest:
        app = AppTest.from_function(page)
        app.session_state["exclude.list"] = name
        return app.run()

    for name, text in (("none", "choose another name"), ("a/b", "cannot be used")):
        app = typed(name)
        assert text in app.error[0].value and app.button(key="exclude").disabled, name
    app = typed(" my  odd faces")
    assert "It will be called **my-odd-faces**" in app.caption[0].value.replace("\\", "")
    assert not app.error and not app.button(key="exclude").disabled


def test_the_training_side_of_leaks_is_excluded_with_one_click(audited):
    app = open_dataset("Audit")
    app.button(key="exclude leaks").click().run()
    assert load_exclusions("faces", "leaks-train").reasons == {"f4": "leaks"}
    app.button(key="exclude near_leaks").click().run()
    listed = load_exclusions("faces", "near-leaks-train")
    assert sorted(listed.reasons) == ["f0", "f1", "f2", "f3"]
    assert "**near-leaks-train** · 4 faces" in texts(app)
    assert app.toast[0].value == "The list **near-leaks-train** holds 4 training faces."


def test_one_card_has_the_label_issues_of_the_best_models_as_a_share_of_their_faces(audited):
    dataset = load_dataset("faces")
    for skill in (9, 0.1):
        store_evaluation(make_run(dataset, evaluated=False), dataset, "test", skill=skill)
    app = open_dataset("Audit")
    assert "**Label issues** · **0** faces · 0.0% of the 5 with a prediction" in texts(app)


def test_all_faces_that_are_picked_by_hand_are_proposed_for_exclusion(audited):
    app = open_dataset("Audit")
    app.button(key="show Near-duplicates").click().run()
    app.toggle(key="dataset.picking").set_value(True)
    group = audited.near_duplicates == 0
    app.session_state["dataset.picked"] = set(group.nonzero()[0].tolist())
    button(app.run(), f"Exclude {group.sum()}…").click().run()
    assert app.button(key="exclude").label == f"Exclude {group.sum()} faces"
    assert app.text_input(key="exclude.reason").value == "picked by hand"


def test_exclusion_lists_are_shown_shortened_and_removed(audited):
    dataset = load_dataset("faces")
    exclude(dataset, "odd", dict.fromkeys(dataset.ids[:3].tolist(), "by hand"))
    app = open_dataset("Audit")
    app.button(key="show list odd").click().run()
    assert heading(app) == "3 faces"
    button(app, "Remove 3 from the list").click().run()
    assert len(load_exclusions("faces", "odd")) == 0
    app.button(key="remove list odd").click().run()
    assert exclusion_names("sample") == [] and not app.exception


def test_another_data_set_starts_without_filters_and_a_missing_one_is_named(
    sample, empty_workspace
):
    shutil.copytree(
        empty_workspace / "datasets" / "sample", empty_workspace / "datasets" / "second"
    )
    app = open_dataset("Faces")
    app.selectbox(key="dataset.filter.emotion").set_value("sad").run()
    app.selectbox(key="dataset").set_value("second").run()
    assert not app.exception and heading(app) == "1,400 faces"

    shutil.rmtree(empty_workspace / "datasets" / "second")
    assert "no data set 'second' any more" in texts(app.run()) and not app.exception
