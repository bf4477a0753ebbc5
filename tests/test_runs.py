import os
import subprocess
import sys

import psutil
import pytest

from pipeline.errors import UserError
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
    runs_using,
)
from pipeline.runs.damage import damages
from pipeline.training.config import TrainConfig


@pytest.fixture
def run() -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64)


def test_a_new_run_is_queued_and_keeps_its_configuration(run):
    assert run.state() == "queued"
    assert run.config().train == TrainConfig(dataset="d")
    assert run.config().dataset_fingerprint == "f" * 64
    assert run.status().epochs == 40
    assert run.history().empty


def test_a_new_run_waits_after_those_that_were_queued_before(run):
    later = create_run(TrainConfig(dataset="d"), "f" * 64)

    assert later.status().queued_at > run.status().queued_at > 0
    run.update_status(state="stopped")
    run.enqueue("stopped")
    assert run.status().queued_at > later.status().queued_at


def test_a_run_has_its_own_name_until_people_give_it_another(run):
    assert run.notes() == Notes() and run.title == run.name

    notes = Notes(name="wide", note="look at fear", tags=("a", "b"), experiment="rates")
    run.write_notes(notes)

    assert run.notes() == notes and run.title == "wide"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe\x00"], ids=["cut", "list", "no-text"])
def test_damaged_notes_are_none(run, content):
    run.notes_path.write_bytes(content)

    assert run.notes() == Notes() and run.title == run.name


def test_the_disk_of_a_run_is_that_of_all_its_files(run):
    before = run.disk()
    assert before == sum(path.stat().st_size for path in run.path.iterdir())

    run.state_path.parent.mkdir()
    run.state_path.write_bytes(bytes(1000))

    assert run.disk() == before + 1000


def test_a_claimed_run_is_running_until_its_process_is_gone(run):
    run.claim("queued")
    assert run.state() == "running" and run.process().pid == os.getpid()

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = psutil.Process(child.pid).create_time()
    run.update_status(pid=child.pid, process_started=started)
    assert run.state() == "running"
    child.kill()
    child.wait()
    assert run.state() == "interrupted"


def test_only_a_run_in_the_right_state_can_be_claimed(run):
    run.update_status(state="stopped")

    with pytest.raises(UserError, match="is stopped; this needs one that is queued"):
        run.claim("queued")
    run.claim("stopped", "failed")
    run.claim("queued")  # ours already
    assert run.state() == "running"


@pytest.mark.parametrize(
    ("text", "epochs"),
    [
        ("", []),
        ("no table", []),
        ("a,b\n1,2\n", []),
        ("epoch,loss\n0,1.5\nepoch,loss\n1,0.5\n", [0, 1]),
        ("epoch,loss\n0,1.5\n\0\0", [0]),
        ("epoch,loss\n0,1.5\n1", [0, 1]),
        ("epoch,loss\n0,1.5\ninf,1\n", [0]),
    ],
    ids=["empty", "text", "another-table", "two-headers", "zeros", "cut", "endless"],
)
def test_a_damaged_history_gives_the_epochs_that_can_be_read(run, text, epochs):
    run.history_path.write_text(text)

    assert run.history()["epoch"].tolist() == epochs


@pytest.mark.parametrize("file", ["config.json", "status.json"])
def test_files_that_are_no_text_break_nothing(run, file):
    (run.path / file).write_bytes(b"\xff\xfe\x00")

    assert run.state() in ("queued", "failed")
    assert not run.uses("d") or file == "status.json"


def test_folders_with_odd_names_are_no_runs(run):
    (run.path.parent / "a b").mkdir()

    assert [r.name for r in list_runs()] == [run.name]


def test_a_run_is_found_by_the_data_set_it_uses(run):
    assert [r.name for r in runs_using("d")] == [run.name]
    run.update_status(state="finished")
    assert runs_using("d") == []


def test_a_data_set_is_free_once_no_run_waits_for_it_or_trains_on_it(run):
    for state in ("queued", "running"):
        if state == "running":
            run.claim("queued")
        with pytest.raises(UserError, match=f"'d' is needed by the run '{run.name}'"):
            check_unused("d")
    check_unused("other")
    run.update_status(state="finished")
    check_unused("d")


def test_a_reused_process_id_is_not_ours(run):
    run.claim("queued")
    run.update_status(process_started=1.0)

    assert run.state() == "interrupted" and run.process() is None


def test_interrupted_is_never_written(run):
    run.claim("queued")
    run.update_status(process_started=1.0, message="x")

    assert run.status().state == "running"


def test_a_damaged_status_counts_as_failed(run):
    (run.path / "status.json").write_text('{"state": "run')

    assert run.state() == "failed" and "damaged" in run.status().message


def test_a_damaged_configuration_is_one_sentence(run):
    (run.path / "config.json").write_text("{}")

    with pytest.raises(UserError, match="has no readable config.json"):
        run.config()


def test_unknown_names_list_the_choices(run):
    with pytest.raises(UserError, match=f"Unknown run 'x'. Choose from: {run.name}"):
        find_run("x")
    with pytest.raises(UserError, match="Unknown model 'x'"):
        find_model("x")
    with pytest.raises(UserError, match="not a plain name"):
        find_run("../x")


def test_a_run_without_an_export_is_no_model(run):
    assert run.name not in [model.name for model in list_models()]


def test_a_run_is_removed_but_not_while_it_is_trained(run):
    run.claim("queued")
    with pytest.raises(UserError, match="stop it first"):
        run.remove()
    run.write_status(Status(state="stopped"))
    run.remove()

    assert list_runs() == [] and not list(run.path.parent.iterdir())


def test_a_removal_that_was_killed_leaves_no_half_of_a_run(run, monkeypatch):
    monkeypatch.setattr("pipeline.runs.run.shutil.rmtree", lambda path: None)

    run.remove()

    assert list_runs() == []


def test_a_shipped_model_is_written_to_never(tmp_path, monkeypatch, empty_workspace):
    monkeypatch.setattr("pipeline.runs.folder.ZOO", tmp_path / "zoo")
    (tmp_path / "zoo" / "m" / "evaluation" / "aaaaaaaaaaaa-test").mkdir(parents=True)
    shipped = Run(tmp_path / "zoo" / "m")

    assert shipped.shipped
    assert shipped.evaluation_path("a" * 64, "test").parent.parent == shipped.path
    assert shipped.evaluation_path("b" * 64, "test").is_relative_to(empty_workspace)
    made_here = shipped.new_evaluation_path("a" * 64, "test")
    assert made_here.is_relative_to(empty_workspace)
    made_here.mkdir(parents=True)
    assert shipped.evaluation_path("a" * 64, "test") == made_here
    assert shipped.evaluation_paths() == [made_here]
    for write in (shipped.remove, lambda: shipped.write_notes(Notes(name="x"))):
        with pytest.raises(UserError, match="shipped model and stays"):
            write()


def test_a_status_that_was_damaged_is_written_whole_by_the_process_that_trains(run):
    run.claim("queued")
    run.update_status(epoch=3)
    run.status_path.write_text('{"state": "run')
    assert run.state() == "failed"

    run.update_status(step=5)

    status = Run(run.path).status()
    assert (status.state, status.pid, status.epoch, status.step) == ("running", os.getpid(), 3, 5)
    assert status.epochs == 40


def test_a_run_that_is_claimed_again_has_no_pace_yet(run):
    run.update_status(state="stopped", step=7, steps=9, loss=1.0, images_per_s=80.0, eta_s=4.0)

    run.claim("stopped")

    status = run.status()
    assert (status.step, status.steps) == (0, 0)
    assert (status.loss, status.images_per_s, status.eta_s) == (None, None, None)


def test_files_that_are_missing_are_named(run):
    run.history_path.write_text("epoch,loss\n0,1.5\n")
    run.weights_path.write_bytes(b"PK\x05\x06" + bytes(18))
    run.update_status(state="finished", epoch=1)
    assert list(damages(run)) == []

    run.history_path.unlink()
    run.weights_path.unlink()

    assert [sentence.split()[0] for sentence in damages(run)] == ["history.csv", "model.keras"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "No such file"), ("{", "Invalid JSON"), ("{}", "train: Field required")],
)
def test_what_is_wrong_with_a_configuration_is_said_in_a_few_words(run, text, reason):
    run.config_path.unlink() if text is None else run.config_path.write_text(text)

    with pytest.raises(UserError, match=reason) as failure:
        run.config()

    assert "RunConfig" not in str(failure.value) and str(run.path) not in str(failure.value)
