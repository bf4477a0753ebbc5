import time
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.importing import import_dataset
from pipeline.data.store import remove_dataset
from pipeline.errors import UserError
from pipeline.runs import list_runs
from pipeline.training import queue
from pipeline.training.options import build_config
from tests.conftest import wait_for

SHORT = {
    "dataset": "sample",
    "widths": "4",
    "convolutions": "1",
    "epochs": "1000",
    "early_stopping_patience": "0",
}


@pytest.fixture
def no_worker(monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)


@pytest.fixture
def sample(empty_workspace):
    import_dataset(Path("sample"), "sample")


def test_an_unknown_data_set_is_refused_and_leaves_no_run():
    with pytest.raises(UserError, match="Unknown data set 'sample'"):
        queue.submit(build_config({}, SHORT))

    assert list_runs() == []


def test_a_queued_run_that_is_stopped_never_starts(sample, no_worker):
    run = queue.submit(build_config({}, SHORT))

    queue.stop(run)
    queue.work()

    assert run.state() == "stopped" and not run.history_path.exists()
    with pytest.raises(UserError, match="nothing to stop"):
        queue.stop(run)


def test_runs_start_first_come_first_served_one_at_a_time(sample, no_worker, monkeypatch):
    first = queue.submit(build_config({}, SHORT))
    time.sleep(1.1)
    second = queue.submit(build_config({}, SHORT))
    begun = []

    def train(run):
        begun.append((run.name, second.state()))
        queue.work()  # another worker finds the lock held and leaves
        run.update_status(state="finished")

    monkeypatch.setattr(queue, "_train", train)
    queue.work()

    assert begun == [(first.name, "queued"), (second.name, "queued")]


def test_a_training_that_dies_without_a_word_is_failed(sample, no_worker, monkeypatch):
    run = queue.submit(build_config({}, SHORT))
    monkeypatch.setattr(queue.sys, "executable", "false")

    queue.work()

    assert run.state() == "failed"
    assert run.status().message == "The training process ended with code 1: it said nothing"


@pytest.mark.parametrize(
    ("state", "pid", "code", "after"),
    [
        ("queued", None, 1, "failed"),
        ("queued", 1, 1, "failed"),
        ("running", 7, 1, "failed"),
        ("running", 7, -9, "interrupted"),
        ("queued", 7, 1, "queued"),
        ("running", 1, 1, "interrupted"),
        ("stopped", 7, 1, "stopped"),
    ],
    ids=[
        *("never-claimed", "resumed-and-never-claimed", "broke-off", "killed", "queued-again"),
        *("in-other-hands", "told-its-end-itself"),
    ],
)
def test_the_end_of_a_process_is_noted_unless_the_run_is_in_other_hands(
    sample, no_worker, state, pid, code, after
):
    run = queue.submit(build_config({}, SHORT))
    run.update_status(state=state, pid=pid, process_started=1.0)

    queue._note_silent_end(run, 7, code)

    assert run.state() == after


def test_a_training_whose_data_set_is_gone_fails_in_one_sentence(sample, no_worker):
    run = queue.submit(build_config({}, SHORT))
    remove_dataset("sample")

    queue.work()

    assert run.state() == "failed"
    assert run.status().message.startswith("Unknown data set 'sample'")


def test_a_stop_while_the_training_starts_is_heard(sample):
    run = queue.submit(build_config({}, SHORT))
    wait_for(lambda: run.state() == "running")

    queue.stop(run)

    wait_for(lambda: run.process() is None)
    assert run.state() == "stopped" and run.history().empty


def test_a_submitted_run_trains_in_its_own_process_stops_when_asked_and_goes_on(sample):
    run = queue.submit(build_config({}, SHORT))
    wait_for(lambda: run.status().epoch > 0)
    assert run.state() == "running"

    queue.stop(run)
    wait_for(lambda: run.state() != "running")
    before = run.history()
    assert run.state() == "stopped" and len(before) >= 1

    queue.resume(run)
    wait_for(lambda: run.state() == "running" and run.status().epoch > len(before))
    queue.stop(run, now=False)
    wait_for(lambda: run.state() != "running")
    after = run.history()
    assert run.state() == "stopped" and run.status().epoch == len(after) > len(before)
    assert after["epoch"].tolist() == list(range(len(after)))
    pd.testing.assert_frame_equal(after[: len(before)], before)
