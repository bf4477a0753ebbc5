import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.jobs import ProcessId
from pipeline.locks import locked
from pipeline.runs import (
    Notes,
    Run,
    Status,
    check_unused,
    create_run,
    find_model,
    find_run,
    list_models,
    list_runs,
)
from pipeline.runs.damage import damages
from pipeline.storage import remove_leftovers
from pipeline.workspace import runs_folder, workspace


@pytest.fixture
def run() -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64)


def test_a_new_run_is_queued_with_its_configuration_and_is_no_model(run):
    assert run.state() == "queued" and run.status().epochs == 40
    assert run.config().train == TrainConfig(dataset="d")
    assert run.config().dataset_fingerprint == "f" * 64
    assert run.history().empty
    assert run.name not in [model.name for model in list_models()]


def test_a_run_is_queued_after_those_that_are_queued_already(run):
    later = create_run(TrainConfig(dataset="d"), "f" * 64)

    assert later.status().queued_at > run.status().queued_at > 0
    run.update_status(state="stopped")
    run.enqueue("stopped")
    assert run.status().queued_at > later.status().queued_at


def test_notes_are_read_as_written_and_are_empty_where_damaged(run):
    assert run.notes() == Notes()

    notes = Notes(name="wide", note="look at fear", tags=("a", "b"), experiment="rates")
    run.write_notes(notes)
    assert run.notes() == notes

    for damaged in (b"{", b"[]", b"\xff\xfe\x00"):
        run.notes_path.write_bytes(damaged)
        assert run.notes() == Notes(), damaged


def test_of_damaged_notes_the_good_fields_stay_and_a_change_keeps_them(run):
    rest = {"note": "look at fear", "tags": ("a", "b"), "experiment": "rates"}
    for damaged, expected in (
        (b'{"name": "wi\xffde", %s}', {"name": "wi\ufffdde", **rest}),
        (b'{"name": "wi\\ud800de", %s}', {"name": "wi\ufffdde", **rest}),
        (b'{"name": "\\ud83d\\ude00", "x": "\xff", %s}', {"name": "\U0001f600", **rest}),
        (b'{"name": ["wide"], %s}', rest),
        (b'{"name": 5, %s}', rest),
        (b'{%s, "tags": ["a", 1, "b", null]}', rest),
        (b'{%s, "tags": "a"}', {**rest, "tags": ()}),
        (b'{%s, "tags": {"a": 1}}', {**rest, "tags": ()}),
    ):
        stored = b'"note": "look at fear", "tags": ["a", "b"], "experiment": "rates"'
        run.notes_path.write_bytes(damaged % stored)
        assert run.notes() == Notes(**expected), damaged
        run.change_notes(note="new")
        assert run.notes() == Notes(**{**expected, "note": "new"}), damaged

    run.change_notes(name=os.fsdecode(b"a\xff"), tags=[os.fsdecode(b"\xff")])
    assert (run.notes().name, run.notes().tags) == ("a\ufffd", ("\ufffd",))


def test_of_a_damaged_status_the_good_fields_stay(run):
    for field, bad, expected in (
        ("epoch", "x", {"epoch": 0}),
        ("message", ["x"], {"message": ""}),
        ("loss", {}, {"loss": None}),
        (
            "state",
            ["stopped"],
            {"state": "failed", "message": "status.json is missing or damaged."},
        ),
    ):
        good = Status(state="stopped", epoch=3, epochs=5, loss=1.5, message="Stopped.").model_dump()
        run.status_path.write_text(json.dumps({**good, field: bad}))
        assert run.status().model_dump() == {**good, **expected}, field


def test_the_disk_usage_is_that_of_all_files(run):
    before = run.disk_usage()
    assert before == sum(path.stat().st_size for path in run.path.iterdir())

    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.write_bytes(bytes(1000))
    assert run.disk_usage() == before + 1000


def test_a_claimed_run_is_running_until_its_process_is_gone(run, other_process):
    run.claim("queued")
    assert run.state() == "running" and run.process().pid == os.getpid()

    other = ProcessId.of(other_process.pid)
    run.update_status(pid=other.pid, process_started=other.started)
    assert run.state() == "running"
    other_process.kill()
    other_process.wait()
    assert run.state() == "interrupted"
    assert run.status().state == "running", "interrupted is never written"


def test_a_reused_process_id_is_another_process(run):
    run.claim("queued")
    run.update_status(process_started=1.0)

    assert run.state() == "interrupted" and run.process() is None


@pytest.mark.slow
def test_a_run_has_one_trainer_whatever_its_status_says(run):
    program = (
        "import sys, time; from pathlib import Path; from pipeline.runs import Run\n"
        f"with Run(Path({str(run.path)!r})).training():\n"
        "    print('trains', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as trainer:
        assert trainer.stdout.readline() == b"trains\n"
        run.update_status(state="stopped")
        for change in (run.remove, lambda: run.training().__enter__()):
            with pytest.raises(UserError, match="is being trained by another process"):
                change()
        trainer.kill()
    with run.training():
        run.claim("stopped")


def test_a_run_that_is_removed_twice_is_gone_after_the_first(run):
    again = Run(run.path)
    run.remove()
    with pytest.raises(UserError, match="has been removed already"):
        again.remove()


def test_two_who_change_the_notes_at_once_lose_nothing_of_each_other(run):
    def change(field: str) -> None:
        for number in range(20):
            run.change_notes(**{field: str(number)})
            assert getattr(run.notes(), field) == str(number)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(change, ("name", "note")))


def test_only_a_run_in_an_allowed_state_can_be_claimed(run):
    run.update_status(state="stopped", step=7, steps=9, loss=1.0, images_per_s=80.0, eta_s=4.0)

    with pytest.raises(UserError, match="is stopped; this needs one that is queued"):
        run.claim("queued")
    run.claim("stopped", "failed")
    run.claim("queued")  # ours already
    status = run.status()
    assert run.state() == "running"
    assert (status.step, status.steps) == (0, 0)
    assert (status.loss, status.images_per_s, status.eta_s) == (None, None, None)


def test_a_damaged_history_gives_the_epochs_that_can_be_read(run):
    for text, epochs in (
        ("", []),
        ("no table", []),
        ("a,b\n1,2\n", []),
        ("epoch,loss\n0,1.5\nepoch,loss\n1,0.5\n", [0, 1]),
        ("epoch,loss\n0,1.5\n\0\0", [0]),
        ("epoch,loss\n0,1.5\n1", [0, 1]),
        ("epoch,loss\n0,1.5\ninf,1\n", [0]),
    ):
        run.history_path.write_text(text)
        assert run.history()["epoch"].tolist() == epochs, text


def test_a_damaged_status_counts_as_failed(run):
    for damaged in (b'{"state": "run', b"\xff\xfe\x00"):
        run.status_path.write_bytes(damaged)
        assert run.state() == "failed" and "damaged" in run.status().message, damaged


def test_the_training_process_replaces_a_damaged_status_whole(run):
    run.claim("queued")
    run.update_status(epoch=3)
    run.status_path.write_text('{"state": "run')
    run.update_status(step=5)

    status = Run(run.path).status()
    assert (status.state, status.pid, status.epoch, status.step) == ("running", os.getpid(), 3, 5)
    assert status.epochs == 40


def test_a_damaged_configuration_is_explained_in_one_sentence(run):
    for content, reason in (
        (None, "No such file"),
        (b"{", "Invalid JSON"),
        (b"{}", "train: Field required"),
        (b"\xff\xfe\x00", "decode"),
    ):
        run.config_path.unlink() if content is None else run.config_path.write_bytes(content)
        with pytest.raises(UserError, match=f"has no readable config.json .*{reason}") as failure:
            run.config()
        assert "RunConfig" not in str(failure.value) and str(run.path) not in str(failure.value)
        assert not run.uses("d")


def test_missing_files_are_named(run):
    run.history_path.write_text("epoch,loss\n0,1.5\n")
    run.weights_path.write_bytes(b"PK\x05\x06" + bytes(18))
    run.update_status(state="finished", epoch=1)
    assert list(damages(run)) == []

    run.history_path.unlink()
    run.weights_path.unlink()
    assert [sentence.split()[0] for sentence in damages(run)] == ["history.csv", "model.keras"]


def test_a_data_set_is_in_use_while_a_run_on_it_is_queued_or_running(run):
    for state in ("queued", "running"):
        if state == "running":
            run.claim("queued")
        with pytest.raises(UserError, match=f"'d' is needed by the run '{run.name}'"):
            check_unused("d")
    check_unused("other")
    run.update_status(state="finished")
    check_unused("d")


def test_unknown_names_list_the_choices(run):
    (run.path.parent / "a b").mkdir()
    assert [r.name for r in list_runs()] == [run.name], "a folder with another name is no run"
    with pytest.raises(UserError, match=f"Unknown run 'x'. Choose from: {run.name}"):
        find_run("x")
    with pytest.raises(UserError, match="Unknown model 'x'"):
        find_model("x")
    with pytest.raises(UserError, match="cannot be used"):
        find_run("../x")


def test_a_run_is_removed_but_not_while_it_is_trained(run):
    run.claim("queued")
    with pytest.raises(UserError, match="stop it first"):
        run.remove()
    run.write_status(Status(state="stopped"))
    run.remove()

    assert list_runs() == [] and not list(run.path.parent.iterdir())


def test_a_removal_that_waits_for_a_training_to_let_go_holds_up_no_other_run(run):
    with ThreadPoolExecutor(1) as pool:
        with run.training():
            removal = pool.submit(run.remove)
            for _ in range(10):  # while it waits
                time.sleep(0.02)
                with locked(workspace() / "runs.lock", timeout_s=0.5):
                    pass
            assert not removal.done()
        removal.result()
    assert list_runs() == []


def test_a_removal_that_is_killed_leaves_no_partial_run(run):
    code = f"""import os, pipeline.runs.run as module
module.shutil.rmtree = lambda path: os._exit(9)
module.Run(module.Path({str(run.path)!r})).remove()"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert list_runs() == []

    remove_leftovers(workspace())
    assert not list(run.path.parent.iterdir())


def test_a_run_that_cannot_be_claimed_leaves_nothing(empty_workspace):
    (workspace() / "runs.lock").mkdir(parents=True)
    with pytest.raises(UserError, match="The lock .* cannot be written"):
        create_run(TrainConfig(dataset="d"), "f" * 64, claimed=True)

    assert not list(runs_folder().iterdir())


def test_a_bundled_model_is_never_written_to(tmp_path, monkeypatch, empty_workspace):
    monkeypatch.setattr("pipeline.runs.run.ZOO", tmp_path / "zoo")
    (tmp_path / "zoo" / "m" / "evaluation" / "aaaaaaaaaaaa-test").mkdir(parents=True)
    model = Run(tmp_path / "zoo" / "m")

    assert model.bundled
    assert model.evaluation_path("a" * 64, "test").parent.parent == model.path
    assert model.evaluation_path("b" * 64, "test").is_relative_to(empty_workspace)
    ours = model.new_evaluation_path("a" * 64, "test")
    assert ours.is_relative_to(empty_workspace)
    ours.mkdir(parents=True)
    assert model.evaluation_path("a" * 64, "test") == ours
    assert model.evaluation_paths() == [ours]
    for write in (model.remove, lambda: model.write_notes(Notes(name="x"))):
        with pytest.raises(UserError, match="bundled model and stays"):
            write()
