import json
import os
import time

import pandas as pd
import psutil
import pytest

from pipeline.errors import UserError
from pipeline.queue import queue, settings, worker
from pipeline.runs import Notes, RunTable, list_runs
from tests.conftest import wait_for
from tests.queue.queued import ENDLESS, names, submit, wait_for_epoch


def test_an_unknown_data_set_is_refused_and_leaves_no_run():
    with pytest.raises(UserError, match="Unknown data set 'sample'"):
        queue.submit(ENDLESS)

    assert list_runs() == []


def test_a_queued_run_has_its_notes_and_never_starts_once_it_is_stopped(sample, no_worker):
    run = queue.submit(ENDLESS, Notes(name="wide"))
    assert run.notes().name == "wide"

    queue.stop(run)
    worker.work()

    assert run.state() == "stopped" and not run.history_path.exists()
    with pytest.raises(UserError, match="nothing to stop"):
        queue.stop(run)


def test_one_run_trains_at_a_time_unless_the_workspace_says_otherwise(empty_workspace):
    path = empty_workspace / "queue.json"
    assert settings.max_parallel_runs() == 1
    settings.set_max_parallel_runs(3)
    assert settings.max_parallel_runs() == 3
    older = '{"at_once": 2}'
    counts = {older: 2, '{"max_parallel_runs": 99}': 64, "{": 1, "[]": 1, "{}": 1}
    for content, count in counts.items():
        path.write_text(content)
        assert settings.max_parallel_runs() == count, content
    settings.set_max_parallel_runs(4)
    assert json.loads(path.read_text()) == {"max_parallel_runs": 4}
    with pytest.raises(UserError, match="'ftp://x' is wrong: it should be such as http://HOST"):
        queue.set_engine(address="ftp://x")
    with pytest.raises(UserError, match="65 parallel runs is wrong: take 1 to 64"):
        settings.set_max_parallel_runs(65)
    for address in ("http://user:password@host:8265", "host:8265", "ray://host"):
        with pytest.raises(UserError, match="should be such as http://HOST:8265, without a user"):
            queue.set_engine(address=address)
    assert settings.queue_settings().address == ""


def test_a_queued_run_takes_the_position_that_it_is_moved_to(sample, no_worker):
    runs = submit(3)
    expected = names(runs)
    for position, after in [(1, (2, 0, 1)), (2, (0, 2, 1)), (3, (0, 1, 2)), (9, (1, 2, 0))]:
        moved = runs[0] if position == 9 else runs[2]
        queue.move(moved, position)
        expected = names([runs[number] for number in after])
        assert names(queue.queued_runs()) == expected, position
        assert names(queue.queued_runs(RunTable())) == expected, position

    with pytest.raises(UserError, match="no place 0"):
        queue.move(runs[0], 0)
    queue.stop(runs[0])
    with pytest.raises(UserError, match="is stopped: only queued runs can be moved"):
        queue.move(runs[0], 1)


def test_a_worker_is_started_where_runs_wait_and_none_is_alive(sample, no_worker, empty_workspace):
    def ensure_worker() -> int:
        before = len(no_worker)
        queue.ensure_worker(RunTable().rows())
        return len(no_worker) - before

    assert ensure_worker() == 0  # nothing waits
    (run,) = submit(1)
    assert ensure_worker() == 0  # the one that was started with it takes its time
    os.utime(empty_workspace / "worker.log", (0, 0))  # the machine was restarted
    with queue.worker_lock():
        assert ensure_worker() == 0
    tomorrow = time.time() + 86_400  # the clock was set back since
    os.utime(empty_workspace / "worker.log", (tomorrow, tomorrow))
    assert ensure_worker() == 1 and no_worker[-1] == ["work"]
    assert ensure_worker() == 0
    queue.stop(run)
    os.utime(empty_workspace / "worker.log", (0, 0))
    assert ensure_worker() == 0
    run.update_status(state="running", engine="ray", job="a-job")  # nobody records its end
    assert ensure_worker() == 1


def test_the_training_of_another_user_is_not_stopped_at_once(sample, no_worker, monkeypatch):
    (run,) = submit(1)
    run.claim("queued")

    def denied(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "terminate", denied)
    with pytest.raises(UserError, match="another user's process"):
        queue.stop(run)
    queue.stop(run, now=False)
    assert run.state() == "running" and run.stop_path.is_file()


def test_a_run_that_trains_on_another_machine_is_left_to_it(sample, no_worker):
    (run,) = submit(1)
    run.claim("queued")
    run.write_status(run.status().model_copy(update={"host": "far", "heartbeat": time.time()}))

    assert run.state() == "running" and run.process() is None
    with pytest.raises(UserError, match="trained on far: stop it first"):
        run.remove()
    with pytest.raises(UserError, match="is running"):
        queue.resume(run)
    with pytest.raises(UserError, match="is running"):
        run.claim("queued", "interrupted")
    queue.stop(run, now=False)
    assert run.stop_path.is_file() and not run.asked_to_stop_now()
    queue.stop(run)
    assert run.asked_to_stop_now()

    long_ago = {"heartbeat": time.time() - 31}
    run.write_status(run.status().model_copy(update=long_ago))
    assert run.state() == "interrupted"
    queue.resume(run)
    run.claim("queued")
    assert run.state() == "running" and not run.status().elsewhere()
    assert not run.stop_path.exists()


@pytest.mark.slow
def test_a_run_that_is_stopped_while_its_training_starts_stops(sample):
    run = queue.submit(ENDLESS)
    wait_for(lambda: run.state() == "running")

    queue.stop(run)

    wait_for(lambda: run.process() is None)
    assert run.state() == "stopped" and run.history().empty


@pytest.mark.slow
def test_a_submitted_run_trains_in_its_own_process_stops_when_asked_and_goes_on(sample):
    run = queue.submit(ENDLESS)
    wait_for_epoch(run, 1)

    queue.stop(run)
    wait_for(lambda: run.state() != "running")
    before = run.history()
    assert run.state() == "stopped" and len(before) >= 1

    queue.resume(run)
    wait_for_epoch(run, len(before) + 1)
    queue.stop(run, now=False)
    wait_for(lambda: run.state() != "running")
    after = run.history()
    assert run.state() == "stopped" and run.status().epoch == len(after) > len(before)
    assert after["epoch"].tolist() == list(range(len(after)))
    pd.testing.assert_frame_equal(after[: len(before)], before)
