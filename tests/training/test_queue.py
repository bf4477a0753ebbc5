import os

import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.runs import Notes, RunTable, list_runs
from pipeline.training import queue, worker
from pipeline.training.options import build_config
from tests.conftest import wait_for
from tests.training.queued import SHORT, names, submit


def test_an_unknown_data_set_is_refused_and_leaves_no_run():
    with pytest.raises(UserError, match="Unknown data set 'sample'"):
        queue.submit(build_config({}, SHORT))

    assert list_runs() == []


def test_a_queued_run_that_is_stopped_never_starts(sample, no_worker):
    run = queue.submit(build_config({}, SHORT))

    queue.stop(run)
    worker.work()

    assert run.state() == "stopped" and not run.history_path.exists()
    with pytest.raises(UserError, match="nothing to stop"):
        queue.stop(run)


def test_how_many_train_at_once_is_one_unless_it_can_be_read(empty_workspace):
    assert queue.at_once() == 1
    queue.set_at_once(3)
    assert queue.at_once() == 3
    (empty_workspace / "queue.json").write_text("{")
    assert queue.at_once() == 1
    with pytest.raises(UserError, match="17 runs at once is wrong: take 1 to 16"):
        queue.set_at_once(17)


@pytest.mark.parametrize(
    ("place", "after"),
    [(1, [2, 0, 1]), (2, [0, 2, 1]), (3, [0, 1, 2]), (9, [0, 1, 2])],
    ids=["first", "between", "where-it-was", "beyond"],
)
def test_a_queued_run_takes_the_place_that_it_is_moved_to(sample, no_worker, place, after):
    runs = submit(3)

    queue.move(runs[2], place)

    assert names(queue.waiting()) == [runs[number].name for number in after]
    assert names(queue.waiting(RunTable())) == names(queue.waiting())


def test_only_a_queued_run_has_a_place(sample, no_worker):
    (run,) = submit(1)
    with pytest.raises(UserError, match="no place 0"):
        queue.move(run, 0)
    queue.stop(run)
    with pytest.raises(UserError, match="is stopped: only queued runs can be moved"):
        queue.move(run, 1)


def test_notes_go_along_with_a_submitted_run(sample, no_worker):
    assert queue.submit(build_config({}, SHORT), Notes(name="wide")).title == "wide"


def test_a_worker_is_started_where_runs_wait_and_none_is_alive(sample, no_worker, empty_workspace):
    def tend() -> int:
        before = len(no_worker)
        queue.tend(RunTable().rows())
        return len(no_worker) - before

    assert tend() == 0  # nothing waits
    (run,) = submit(1)
    assert tend() == 0  # the one that was started with it is on its way
    os.utime(empty_workspace / "worker.log", (0, 0))  # the machine was restarted
    with queue.worker_lock():
        assert tend() == 0
    assert tend() == 1 and no_worker[-1] == ["work"]
    assert tend() == 0
    queue.stop(run)
    os.utime(empty_workspace / "worker.log", (0, 0))
    assert tend() == 0


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
