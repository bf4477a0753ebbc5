"""An open run on the Train page: what it shows, and what can be done with it."""

import os
import zipfile
from io import BytesIO

import pytest

from dashboard.views.train.export import openvino_zip
from dashboard.views.train.navigation import NEW_RUN, RUN, VIEW
from pipeline.config.train_config import TrainConfig
from pipeline.jobs import Job
from pipeline.queue import queue
from pipeline.runs import Notes, Run, list_runs
from tests.dashboard.made_runs import make_queued, make_run, make_running, open_run
from tests.dashboard.pages import button, labels, press, texts, traces


def test_a_finished_run_shows_its_metrics_curves_log_and_configuration():
    run = make_run()
    run.write_notes(Notes(name="a *b*", note="why", tags=("t1",), experiment="e"))

    at = open_run(run)

    assert {metric.label: metric.value for metric in at.metric} == {
        "Epochs": "3 of 5",
        "Best epoch": "2",
        "Val accuracy": "40.0%",
        "Val macro F1": "0.300",
        "Training time": "3 min 30 s",
        "Parameters": "1,234",
    }
    assert r"## a \*b\*" in at.markdown[0].value and "gray-badge[t1]" in at.markdown[0].value
    assert at.text[0].value == "why"
    for fact in (run.name, "experiment **e**", "data set **faces**", "on disk"):
        assert fact in texts(at)
    assert len(traces(at, f"train.open.curves.{run.name}")) == 6
    log, command = (code.value for code in at.code)
    assert log.endswith("- epoch 2: loss 1.5 (70 s)")
    assert "--epochs 5 --learning-rate 0.01" in command
    fields = at.dataframe[0].value.set_index("field")
    assert list(fields.index[:2]) == ["epochs", "learning_rate"]
    assert tuple(fields.loc["epochs"]) == ("5", "40")
    assert tuple(fields.loc["batch_size"]) == ("64", "")


def test_a_run_whose_process_is_gone_is_interrupted_and_can_be_resumed():
    run = make_run(state="running", pid=os.getpid(), process_started=1.0)  # the id is used again
    at = open_run(run)
    assert "interrupted" in at.markdown[0].value and "Stop now" not in labels(at)
    assert "process is gone. 3 epochs finished; Resume continues" in at.warning[0].value

    press(at, "Resume")

    assert run.state() == "queued" and len(run.history()) == 3


def test_a_failed_run_says_why_and_opens_its_log():
    at = open_run(make_run(state="failed", message="The disk is full: free some space."))
    assert "disk is full" in at.error[0].value
    assert at.get("tab_container")[0].proto.tab_container.default_tab_index == 1
    assert "epoch 2: loss" in at.code[0].value


def test_a_file_that_was_cut_short_is_named_and_the_rest_is_shown():
    run = make_run("n", "stopped")
    at = open_run(run)
    for path, sentence in (
        (run.config_path, "no readable config.json"),
        (run.status_path, "status.json is missing or damaged"),
        (run.notes_path, "notes.json is damaged"),
        (run.history_path, "history.csv is damaged"),
        (run.checkpoint_path, "checkpoint/training.npz is damaged"),
        (run.weights_path, "model.keras is damaged"),
    ):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])
        at.run()
        assert not at.exception and sentence in texts(at), path
        assert "epoch 2: loss" in at.code[0].value, path
        assert {"Edit…", "Delete…"} <= set(labels(at)), path
        path.write_bytes(whole)
    run = make_running()
    run.update_status(epoch=0)
    run.history_path.write_bytes(b"")  # as it is in the first epoch
    assert "is damaged" not in texts(open_run(run))


def test_a_long_log_shows_its_last_lines_and_a_deleted_run_is_gone():
    run = make_run()
    run.log_path.write_text("".join(f"line {i} {'x' * 99}\n" for i in range(9_999)))
    at = open_run(run)
    log = at.code[0].value.splitlines()
    assert len(log) == 40 and log[-1].startswith("line 9998")

    run.remove()
    assert "was deleted" in at.run().info[0].value and not at.exception


@pytest.mark.slow
def test_only_actions_that_apply_to_the_state_are_offered():
    running = {"Stop after this epoch", "Stop now"}
    for state, expected in (
        ("queued", {"Cancel"}),
        ("running", running),
        ("stopped", {"Resume", "Extend…"}),
        ("failed", {"Resume"}),
        ("interrupted", {"Resume"}),
        ("finished", {"Extend…"}),
    ):
        recorded = "running" if state == "interrupted" else state  # its process is gone
        run = make_running() if state == "running" else make_run(state=recorded)
        offered = set(labels(open_run(run)))
        assert offered & {*running, "Cancel", "Resume", "Extend…"} == expected, state
        assert {"Clone", "Edit…", "Export", "Delete…"} <= offered, state
        assert ("Delete permanently" in offered) == (state not in ("queued", "running")), state

    run = make_running()
    at = press(open_run(run), "Stop after this epoch")
    assert run.stop_path.exists()
    assert button(at, "Stop after this epoch").disabled and "Stop now" in labels(at)


def test_a_finished_run_is_extended_to_more_epochs_than_it_has():
    run = make_run()
    at = open_run(run)
    assert at.number_input[0].value == 15

    at.number_input[0].set_value(3)
    press(at, "Extend")
    assert "the run has 3 already" in texts(at) and run.state() == "finished"
    assert not at.run().error

    at.number_input[0].set_value(8)
    press(at, "Extend")
    assert run.state() == "queued" and run.config().train.epochs == 8
    assert "Cancel" in labels(at)


def test_extending_counts_epochs_after_the_head_and_knows_the_limit(monkeypatch):
    run, resumed = make_run(), []
    config = run.config()

    def open_with(**fields):
        train = TrainConfig.model_validate({"dataset": "faces", **fields})
        run.write_config(config.model_copy(update={"train": train}))
        return open_run(run)

    assert open_with(epochs=9_995).number_input[0].value == 10_000

    monkeypatch.setattr(queue, "resume", lambda run, epochs: resumed.append(epochs))
    at = open_with(architecture="vgg16", model={"head_epochs": 2}, epochs=1)
    assert at.number_input[0].label == "Epochs after the 2 of the head"
    at.number_input[0].set_value(13)
    press(at, "Extend")
    assert resumed == [13]
    assert at.toast[0].value == "Queued. Continues to 13 epochs after the 2 of the head."


def test_names_notes_and_tags_are_edited_in_place():
    run = make_run()
    run.write_notes(Notes(tags=("old",)))
    at = open_run(run)
    key = f"train.open.edit.{run.name}"
    at.text_input(key=f"{key}.name").set_value(" Wide net ")
    at.text_area[0].set_value("two lines\nof note")
    at.text_input(key=f"{key}.experiment").set_value("widths")

    press(at, "Save")

    notes = {"note": "two lines\nof note", "tags": ("old",), "experiment": "widths"}
    assert run.notes() == Notes(name="Wide net", **notes)
    assert "## Wide net" in at.markdown[0].value
    run.write_notes(Notes(name="Wider net", tags=("new",)))
    at.run()
    assert at.text_input(key=f"{key}.name").value == "Wider net"
    assert at.multiselect(key=f"{key}.tags").value == ["new"]


def test_saving_keeps_what_was_written_elsewhere_and_an_error_keeps_what_was_typed(monkeypatch):
    run = make_run()
    run.write_notes(Notes(name="Net", note="old", tags=("a",)))
    at = open_run(run)
    key = f"train.open.edit.{run.name}"
    run.write_notes(Notes(name="Net", note="new", tags=("a", "b")))
    at.text_input(key=f"{key}.name").set_value("Wide net")
    press(at, "Save")
    assert run.notes() == Notes(name="Wide net", note="new", tags=("a", "b"))

    at.session_state[f"{key}.name"] = "Wider"  # typed, not saved
    run.write_notes(Notes(name="Wide net", note="newest"))
    at.run()
    assert at.text_input(key=f"{key}.name").value == "Wider"
    assert at.text_area[0].value == "newest"

    def refuse(run: Run, notes: Notes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_notes", refuse)
    press(at, "Save")
    assert "cannot be changed (No space left on device)" in texts(at)
    assert at.text_input(key=f"{key}.name").value == "Wider"


def test_a_run_is_cloned_into_the_form_and_deleted_once_confirmed():
    at = press(open_run(make_run()), "Clone")
    assert at.session_state[VIEW] == NEW_RUN and at.session_state["train.epochs"] == 5

    assert "will be permanently deleted" in texts(at) and "This frees" in texts(at)
    at.session_state[RUN] = list_runs()[0].name
    press(at, "Delete permanently")
    assert list_runs() == [] and RUN not in at.session_state


def test_files_are_downloaded_and_a_missing_export_can_be_made(monkeypatch):
    run, started = make_run(state="stopped"), []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job.command))
    at = open_run(run)
    offered = [button.label for button in at.get("download_button")]
    assert offered == ["Keras model", "Configuration", "History", "Whole log"]
    press(at, "Export to OpenVINO")
    assert started == [("export", run.name)]

    run.openvino_path.parent.mkdir()
    run.openvino_path.write_text("<net/>")
    run.openvino_path.with_suffix(".bin").write_bytes(bytes(99))
    assert "OpenVINO model" in [each.label for each in at.run().get("download_button")]
    with zipfile.ZipFile(BytesIO(openvino_zip(run))) as archive:
        assert archive.namelist() == ["model.xml", "model.bin"]
        assert archive.read("model.bin") == bytes(99)


def test_a_run_that_ended_without_a_model_is_exported_and_evaluated_on_request(monkeypatch):
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job.command))
    for state in ("stopped", "interrupted", "failed", "finished"):
        recorded = "running" if state == "interrupted" else state
        run = make_run(state=recorded)
        press(open_run(run), "Finish: export and evaluate")
        assert started.pop() == ("train", "--finish", run.name), state
    run.history_path.unlink()
    for without in (run, make_running(), *make_queued("waiting")):
        assert "Finish: export and evaluate" not in labels(open_run(without)), without.state()


def test_a_finished_run_says_why_it_ended_and_leads_on_once_it_is_a_model():
    run = make_run(stopped_early=True)
    at = open_run(run)
    assert "Early stopping after 3 of 5 epochs: val_accuracy had not improved for 10" in texts(at)
    assert "Evaluate" not in labels(at), "it has no exported model yet"
    run.openvino_path.parent.mkdir()
    for suffix in (".xml", ".bin"):
        run.openvino_path.with_suffix(suffix).write_bytes(b"x")
    assert {"Evaluate", "Try live"} <= set(labels(open_run(run)))
