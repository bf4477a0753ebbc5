import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pipeline.data.store import remove_dataset
from pipeline.processes import ProcessId
from pipeline.runs import Run, list_runs
from pipeline.training import queue, worker
from pipeline.training.options import build_config
from tests.training.queued import SHORT, names, submit


@dataclass
class Trained:
    run: Run
    over: Callable[[Run], bool]

    def ended(self) -> bool:
        if not self.over(self.run):
            return False
        self.run.update_status(state="finished")
        return True


@pytest.fixture
def begun(monkeypatch) -> list[Run]:
    """The runs that a worker begins: each trains until the worker has looked three times."""
    runs: list[Run] = []
    looks: dict[str, int] = {}

    def over(run: Run) -> bool:
        looks[run.name] = looks.get(run.name, 0) + 1
        return looks[run.name] > 3

    def begin(run: Run) -> Trained:
        run.claim("queued")
        runs.append(run)
        return Trained(run, over)

    monkeypatch.setattr(worker.Training, "begin", begin)
    monkeypatch.setattr(worker, "_POLL_S", 0.01)
    return runs


def test_runs_start_first_come_first_served_one_at_a_time(sample, no_worker, begun, monkeypatch):
    runs = submit(3)
    most = watch_running(monkeypatch)

    worker.work()

    assert names(begun) == names(runs) and max(most) == 1
    assert {run.state() for run in runs} == {"finished"}


def test_as_many_train_at_once_as_the_workspace_says(sample, no_worker, begun, monkeypatch):
    runs = submit(4)
    queue.set_at_once(2)
    most = watch_running(monkeypatch)

    worker.work()

    assert names(begun) == names(runs) and max(most) == 2


def watch_running(monkeypatch) -> list[int]:
    """Count the running runs whenever the worker looks how many it may train."""
    counts, whole = [], queue.at_once

    def at_once() -> int:
        counts.append(sum(run.state() == "running" for run in list_runs()))
        return whole()

    monkeypatch.setattr(queue, "at_once", at_once)
    return counts


def test_a_moved_run_stays_before_those_that_come_later(sample, no_worker, begun):
    first, second = submit(2)

    queue.move(second, 1)
    third = queue.submit(build_config({}, SHORT))
    worker.work()

    assert names(begun) == names([second, first, third])


def test_two_workers_never_start_a_run_twice(sample, no_worker, begun):
    submit(2)
    command = "from pipeline.training import worker; worker.work(); print('left')"

    with queue.worker_lock():
        other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)

    assert other.stdout == "left\n" and len(queue.waiting()) == 2
    worker.work()
    assert len(begun) == 2


def test_a_run_that_another_worker_has_begun_cannot_be_claimed(sample, no_worker):
    (run,) = submit(1)
    run.claim("queued")
    claim = f"from pipeline.runs import find_run; find_run({run.name!r}).claim('queued')"

    second = subprocess.run([sys.executable, "-c", claim], capture_output=True, text=True)

    assert second.returncode and "is running; this needs one that is queued" in second.stderr
    assert run.status().pid == os.getpid()


def test_a_worker_begins_nothing_beside_a_training_whose_worker_was_killed(
    sample, no_worker, begun, monkeypatch
):
    orphaned, following = submit(2)
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessId.of(orphan.pid)
    orphaned.update_status(state="running", pid=identity.pid, process_started=identity.started)
    seen: list[str] = []

    def sleep(seconds: float) -> None:
        seen.append(following.state())
        if len(seen) == 3:
            orphan.kill()
            orphan.wait()

    monkeypatch.setattr(worker.time, "sleep", sleep)
    worker.work()

    assert seen[:3] == ["queued"] * 3 and names(begun) == [following.name]
    assert orphaned.state() == "interrupted"


def test_a_training_that_dies_without_a_word_is_failed(sample, no_worker, monkeypatch):
    run = queue.submit(build_config({}, SHORT))
    monkeypatch.setattr(worker.sys, "executable", "false")

    worker.work()

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

    worker._note_silent_end(run, 7, code)

    assert run.state() == after


def test_a_training_whose_data_set_is_gone_fails_in_one_sentence(sample, no_worker):
    run = queue.submit(build_config({}, SHORT))
    remove_dataset("sample")

    worker.work()

    assert run.state() == "failed"
    assert run.status().message.startswith("Unknown data set 'sample'")
