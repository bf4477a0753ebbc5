import os
import subprocess
import sys
import time
from collections import Counter

import pytest

from pipeline.data.store import remove_dataset
from pipeline.jobs import ProcessId
from pipeline.queue import queue, settings, worker
from pipeline.queue.engines import ENGINES, Handle
from pipeline.queue.engines.local import _record_end
from pipeline.runs import Run, list_runs
from tests.queue.queued import ENDLESS, names, submit


class SteppedEngine:
    """Trains each run until it has been polled a few times."""

    def __init__(self) -> None:
        self.started: list[Run] = []
        self._polls: Counter[str] = Counter()

    def start(self, run: Run) -> Handle:
        run.claim("queued")
        self.started.append(run)
        return Handle(run, "local")

    def poll(self, handle: Handle) -> bool:
        self._polls[handle.run.name] += 1
        if self._polls[handle.run.name] <= 3:
            return False
        handle.run.update_status(state="finished")
        return True


@pytest.fixture
def started(monkeypatch) -> list[Run]:
    """The runs that a worker starts."""
    engine = SteppedEngine()
    monkeypatch.setitem(ENGINES, "local", engine)
    monkeypatch.setattr(worker, "_POLL_S", 0.01)
    return engine.started


def test_runs_start_first_come_first_served_as_many_as_the_workspace_says(
    sample, no_worker, started, monkeypatch
):
    counts, whole = [], settings.queue_settings

    def queue_settings() -> settings.QueueSettings:
        counts.append(sum(run.state() == "running" for run in list_runs()))
        return whole()

    monkeypatch.setattr(worker, "queue_settings", queue_settings)
    for parallel in (1, 2):
        settings.set_max_parallel_runs(parallel)
        runs = submit(4)

        worker.work()

        assert names(started) == names(runs) and max(counts) == parallel
        assert {run.state() for run in runs} == {"finished"}
        started.clear()
        counts.clear()


def test_a_moved_run_stays_before_those_that_come_later(sample, no_worker, started):
    first, second = submit(2)

    queue.move(second, 1)
    third = queue.submit(ENDLESS)
    worker.work()

    assert names(started) == names([second, first, third])


def test_two_workers_never_start_a_run_twice(sample, no_worker, started):
    claimed, _ = submit(2)
    command = (
        "from pipeline.queue import worker; from pipeline.runs import find_run\n"
        f"worker.work(); print('left', flush=True); find_run({claimed.name!r}).claim('queued')"
    )

    claimed.claim("queued")
    with queue.worker_lock():
        other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)

    assert other.stdout == "left\n" and len(queue.queued_runs()) == 1
    assert other.returncode and "is running; this needs one that is queued" in other.stderr
    assert claimed.status().pid == os.getpid()
    claimed.update_status(state="finished")
    worker.work()
    assert len(started) == 1


def test_a_worker_starts_nothing_beside_a_training_whose_worker_was_killed(
    sample, no_worker, started, monkeypatch
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

    assert seen[:3] == ["queued"] * 3 and names(started) == [following.name]
    assert orphaned.state() == "interrupted"


def test_a_worker_waits_for_a_job_that_another_one_started(sample, no_worker, started, monkeypatch):
    monkeypatch.setitem(ENGINES, "ray", ENGINES["local"])
    (run,) = submit(1)
    run.update_status(state="running", engine="ray", job="a-job")

    worker.work()

    assert run.state() == "finished" and not started


def test_what_trains_on_another_machine_keeps_no_run_waiting(sample, no_worker, started):
    elsewhere, following = submit(2)
    elsewhere.update_status(state="running", host="another", pid=1, heartbeat=time.time())

    worker.work()

    assert names(started) == [following.name] and elsewhere.state() == "running"


def test_a_training_that_dies_without_a_message_is_failed(sample, no_worker, monkeypatch):
    (run,) = submit(1)
    monkeypatch.setattr(sys, "executable", "false")

    worker.work()

    assert run.state() == "failed"
    assert run.status().message == "The training process ended with code 1: its log is empty"


def test_the_end_of_a_process_is_recorded_unless_the_run_belongs_to_another_one(sample, no_worker):
    (run,) = submit(1)
    for case, state, pid, code, after in [
        ("never claimed", "queued", None, 1, "failed"),
        ("resumed and never claimed", "queued", 1, 1, "failed"),
        ("broke off", "running", 7, 1, "failed"),
        ("killed", "running", 7, -9, "interrupted"),
        ("queued again", "queued", 7, 1, "queued"),
        ("claimed by another one", "running", 1, 1, "interrupted"),
        ("recorded its end itself", "stopped", 7, 1, "stopped"),
    ]:
        run.update_status(state=state, pid=pid, process_started=1.0)

        _record_end(run, 7, code)

        assert run.state() == after, case


@pytest.mark.slow
def test_a_training_whose_data_set_is_gone_fails_in_one_sentence(sample, no_worker):
    (run,) = submit(1)
    remove_dataset("sample")

    worker.work()

    assert run.state() == "failed"
    assert run.status().message.startswith("Unknown data set 'sample'")
