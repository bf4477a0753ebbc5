import os

import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.jobs import ProcessId
from pipeline.runs import Notes, Run, RunTable, create_run, table


@pytest.fixture
def run() -> Run:
    return create_run(TrainConfig(dataset="d"), "f" * 64, notes=Notes(name="wide", tags=("a",)))


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The names of the runs whose files were read."""
    names, original = [], table.read_row

    def count(run: Run) -> table.RunRow:
        if not run.bundled:
            names.append(run.name)
        return original(run)

    monkeypatch.setattr(table, "read_row", count)
    return names


def test_a_row_describes_a_run_and_the_newest_comes_first(run):
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n1,0.5\n2,0.4\n")
    older = Run(run.path.with_name("20200101-000000-custom_cnn-0000"))
    older.path.mkdir()

    row, empty = RunTable().rows()

    assert (row.run.name, row.title, row.state) == (run.name, "wide", "queued")
    assert (row.dataset, row.architecture, row.accuracy) == ("d", "custom_cnn", 0.5)
    assert row.notes.tags == ("a",) and row.status.epochs == 40
    assert (empty.title, empty.state) == (older.name, "failed"), "no files"


def test_a_run_is_read_again_only_after_one_of_its_files_has_changed(run, read):
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

    run.write_status(run.status().model_copy(update={"state": "stopped"}))
    run.remove()
    assert runs.rows() == []


def test_a_process_that_ends_changes_the_state_though_no_file_changes(run, read, other_process):
    identity = ProcessId.of(other_process.pid)
    run.update_status(state="running", pid=identity.pid, process_started=identity.started)
    runs = RunTable()
    assert runs.rows()[0].state == "running"

    other_process.kill()
    other_process.wait()

    assert runs.rows()[0].state == "interrupted" and len(read) == 1


def test_a_damaged_file_leaves_a_row_of_what_can_be_read(run):
    run.history_path.write_text("epoch,val_accuracy\n0,0.5\n")
    for file, content, expected in (
        ("config.json", b"{", (None, None, 0.5, "queued")),
        ("config.json", b"[]", (None, None, 0.5, "queued")),
        ("config.json", b"\xff\xfe", (None, None, 0.5, "queued")),
        ("history.csv", b"\xff\xfe", ("d", "custom_cnn", None, "queued")),
        ("history.csv", b"epoch,val_accuracy\n0,.2\n1,x\n2", ("d", "custom_cnn", 0.2, "queued")),
        ("status.json", b'{"state": "run', ("d", "custom_cnn", 0.5, "failed")),
        ("notes.json", b"{", ("d", "custom_cnn", 0.5, "queued")),
    ):
        path = run.path / file
        before = path.read_bytes()
        path.write_bytes(content)
        (row,) = RunTable().rows()
        assert (row.dataset, row.architecture, row.accuracy, row.state) == expected, content
        path.write_bytes(before)

    for path in run.path.iterdir():
        os.remove(path)
    (row,) = RunTable().rows()
    assert row.title == run.name and row.state == "failed"
