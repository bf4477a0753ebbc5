import zipfile
from io import BytesIO

import pytest

from dashboard.components.train.downloads import openvino_zip
from dashboard.components.train.place import NEW_RUN, RUN, VIEW
from pipeline.runs import Notes, Run, list_runs
from pipeline.runs.export_job import ExportJob
from pipeline.training import queue
from pipeline.training.config import TrainConfig
from tests.dashboard.opened_run import labels, make_run, open_run, press, words


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)


@pytest.mark.parametrize(
    ("state", "applies"),
    [
        ("queued", {"Cancel", "Clone", "Delete…"}),
        ("stopped", {"Resume", "Extend…", "Clone", "Delete…"}),
        ("failed", {"Resume", "Clone", "Delete…"}),
        ("interrupted", {"Resume", "Clone", "Delete…"}),
        ("finished", {"Extend…", "Clone", "Delete…"}),
        ("running", {"Stop after this epoch", "Stop now", "Clone", "Delete…"}),
    ],
)
def test_only_actions_that_apply_are_offered(state, applies):
    run = make_run("running" if state == "interrupted" else state)
    if state == "running":
        run.update_status(state="queued")
        run.claim("queued")

    offered = set(labels(open_run(run)))

    known = {"Cancel", "Resume", "Extend…", "Clone", "Delete…", "Stop after this epoch", "Stop now"}
    assert offered & known == applies
    assert ("Delete for good" in offered) == (state not in ("queued", "running"))


def test_a_run_is_stopped_after_its_epoch_which_can_be_asked_once():
    run = make_run("queued")
    run.claim("queued")

    at = press(open_run(run), "Stop after this epoch")

    assert run.stop_path.exists()
    assert "Stop after this epoch" not in labels(at) and "Stop now" in labels(at)


def test_a_finished_run_is_extended():
    run = make_run("finished")
    at = open_run(run)
    assert at.number_input[0].value == 15

    at.number_input[0].set_value(8)
    press(at, "Extend")

    assert run.state() == "queued" and run.config().train.epochs == 8
    assert "Cancel" in labels(at)


def test_a_run_that_cannot_be_extended_stays_and_says_why_once():
    run = make_run("finished")
    at = open_run(run)
    at.number_input[0].set_value(3)

    press(at, "Extend")

    assert "the run has 3 already" in at.error[0].value.replace("\\", "")
    assert run.state() == "finished"
    assert not at.run().error


def test_a_run_of_the_most_epochs_can_be_opened():
    run = make_run("stopped")
    config = run.config()
    most = config.train.model_copy(update={"epochs": 9_995})
    run.write_config(config.model_copy(update={"train": most}))

    assert open_run(run).number_input[0].value == 10_000


def test_the_epochs_of_a_backbone_are_those_after_its_head(monkeypatch):
    run = make_run("finished")
    config, said = run.config(), []
    backbone = {"dataset": "faces", "architecture": "vgg16", "model": {"head_epochs": 2}}
    train = TrainConfig.model_validate({**backbone, "epochs": 1})
    run.write_config(config.model_copy(update={"train": train}))
    monkeypatch.setattr(queue, "resume", lambda run, epochs: said.append(epochs))
    at = open_run(run)
    assert at.number_input[0].label == "Epochs after the 2 of the head"

    at.number_input[0].set_value(13)
    press(at, "Extend")

    assert said == [13]
    assert "goes on to 13 epochs after the 2 of the head." in at.toast[0].value


def test_names_notes_and_tags_are_edited_in_place():
    run = make_run("finished", tags=("old",))
    at = open_run(run)
    at.text_input(key=f"train.opened.edit.{run.name}.name").set_value(" Wide net ")
    at.text_area[0].set_value("two lines\nof note")
    at.text_input(key=f"train.opened.edit.{run.name}.experiment").set_value("widths")

    press(at, "Save")

    assert run.notes() == Notes(
        name="Wide net", note="two lines\nof note", tags=("old",), experiment="widths"
    )
    assert "### Wide net" in at.markdown[0].value


def test_the_fields_show_what_was_written_elsewhere_since():
    run = make_run("finished")
    at = open_run(run)
    key = f"train.opened.edit.{run.name}"
    at.text_input(key=f"{key}.name").set_value("Wide net")
    press(at, "Save")
    run.write_notes(Notes(name="Wider net", tags=("new",)))

    at.run()

    assert at.text_input(key=f"{key}.name").value == "Wider net"
    assert at.multiselect(key=f"{key}.tags").value == ["new"]


def test_saving_leaves_what_was_written_elsewhere_since():
    run = make_run("finished", name="Net", note="old", tags=("a",))
    at = open_run(run)
    run.write_notes(Notes(name="Net", note="new", tags=("a", "b")))
    at.text_input(key=f"train.opened.edit.{run.name}.name").set_value("Wide net")

    press(at, "Save")

    assert run.notes() == Notes(name="Wide net", note="new", tags=("a", "b"))


def test_what_was_typed_stays_when_something_else_is_written_elsewhere():
    run = make_run("finished", note="old")
    at = open_run(run)
    key = f"train.opened.edit.{run.name}"
    at.session_state[f"{key}.name"] = "Wide"
    run.write_notes(Notes(note="new"))

    at.run()

    assert at.text_input(key=f"{key}.name").value == "Wide"
    assert at.text_area[0].value == "new"


def test_what_was_typed_is_kept_where_it_cannot_be_written(monkeypatch):
    run = make_run("finished")
    at = open_run(run)
    at.text_input(key=f"train.opened.edit.{run.name}.name").set_value("Wide net")

    def refuse(run: Run, notes: Notes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_notes", refuse)
    press(at, "Save")

    assert "cannot be changed (No space left on device)" in at.error[0].value.replace("\\", "")
    assert at.text_input(key=f"train.opened.edit.{run.name}.name").value == "Wide net"


def test_deleting_says_what_goes_and_then_the_run_is_gone():
    run = make_run("finished")
    at = open_run(run)
    at.session_state[RUN] = run.name
    assert "That frees" in words(at)

    press(at, "Delete for good")

    assert list_runs() == [] and RUN not in at.session_state


def test_a_clone_fills_the_form_and_leads_to_it():
    at = press(open_run(make_run("finished")), "Clone")

    assert at.session_state[VIEW] == NEW_RUN
    assert at.session_state["train.epochs"] == 5


def test_a_model_that_is_not_exported_can_be_and_the_rest_is_downloaded(monkeypatch):
    run = make_run("stopped")
    started = []
    monkeypatch.setattr(ExportJob, "start", lambda job: started.append(job.command))
    at = open_run(run)
    offered = [button.label for button in at.get("download_button")]
    assert offered == ["Keras model", "Configuration", "History", "Whole log"]

    press(at, "Make the OpenVINO model")

    assert started == [["export", run.name]]


def test_the_exported_model_is_one_archive():
    run = make_run("finished")
    run.openvino_path.parent.mkdir()
    run.openvino_path.write_text("<net/>")
    run.openvino_path.with_suffix(".bin").write_bytes(bytes(99))

    assert "OpenVINO model" in [b.label for b in open_run(run).get("download_button")]
    with zipfile.ZipFile(BytesIO(openvino_zip(run))) as archive:
        assert archive.namelist() == ["model.xml", "model.bin"]
        assert archive.read("model.bin") == bytes(99)
