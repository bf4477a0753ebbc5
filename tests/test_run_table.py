import os
import subprocess
import sys

import pytest

from pipeline.processes import ProcessId
from pipeline.runs import Notes, Run, RunTable, create_run, table
from pipeline.training.config import TrainConfig


@pytest.fixture
def run() -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64, notes=Notes(name="wide", tags=("a",)))


@pytest.fixture
def read(monkeypatch) -> list[str]:
    names, whole = [], table._read

    def count(run: Run) -> table.RunRow:
        names.append(run.name)
        return whole(run)

    monkeypatch.setattr(table, "_read", count)
    return names


def test_a_row_tells_what_the_run_is(run):
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n1,0.5\n2,0.4\n")

    (row,) = RunTable().rows()

    assert (row.run.name, row.title, row.state) == (run.name, "wide", "queued")
    assert (row.dataset, row.architecture, row.accuracy) == ("d", "custom_cnn", 0.5)
    assert row.notes.tags == ("a",) and row.status.epochs == 40


def test_no_run_no_row(empty_workspace):
    assert RunTable().rows() == []


def test_the_newest_run_goes_first(run):
    older = Run(run.path.with_name("20200101-000000-custom_cnn-0000"))
    older.path.mkdir()

    assert [row.run.name for row in RunTable().rows()] == [run.name, older.name]


def test_a_run_is_read_again_only_after_a_file_of_it_has_changed(run, read):
    runs = RunTable()
    runs.rows(), runs.rows()
    assert read == [run.name]

    run.write_notes(Notes(name="other"))
    assert runs.rows()[0].title == "other"
    run.update_status(epoch=3)
    assert runs.rows()[0].status.epoch == 3
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n")
    assert runs.rows()[0].accuracy == 0.25
    assert len(read) == 4


def test_a_run_that_was_removed_is_listed_no_more(run):
    runs = RunTable()
    assert runs.rows()
    run.write_status(run.status().model_copy(update={"state": "stopped"}))
    run.remove()
    assert runs.rows() == []


def test_a_process_that_ends_changes_the_state_though_no_file_changes(run, read):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessId.of(child.pid)
    run.update_status(state="running", pid=identity.pid, process_started=identity.started)
    runs = RunTable()
    assert runs.rows()[0].state == "running"

    child.kill()
    child.wait()

    assert runs.rows()[0].state == "interrupted" and len(read) == 1


@pytest.mark.parametrize(
    ("file", "content", "known"),
    [
        ("config.json", b"{", (None, None, 0.5, "queued")),
        ("config.json", b"[]", (None, None, 0.5, "queued")),
        ("config.json", b"\xff\xfe", (None, None, 0.5, "queued")),
        ("history.csv", b"\xff\xfe", ("d", "custom_cnn", None, "queued")),
        ("history.csv", b"epoch,val_accuracy\n0,.2\n1,x\n2", ("d", "custom_cnn", 0.2, "queued")),
        ("status.json", b'{"state": "run', ("d", "custom_cnn", 0.5, "failed")),
        ("notes.json", b"{", ("d", "custom_cnn", 0.5, "queued")),
    ],
    ids=["cut", "list", "no-text", "no-table", "odd-figures", "cut-status", "cut-notes"],
)  # fmt: skip
def test_a_damaged_file_leaves_a_row_of_what_is_known(run, file, content, known):
    run.history_path.write_text("epoch,val_accuracy\n0,0.5\n")
    (run.path / file).write_bytes(content)

    (row,) = RunTable().rows()

    assert (row.dataset, row.architecture, row.accuracy, row.state) == known


def test_a_run_without_files_is_still_listed(run):
    for path in run.path.iterdir():
        os.remove(path)

    (row,) = RunTable().rows()

    assert row.title == run.name and row.state == "failed"
