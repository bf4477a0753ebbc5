"""A search by Ray Tune: its record, what it draws, and its trials, which are queued runs."""

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from pipeline.config.options import build_config
from pipeline.data.store import remove_dataset
from pipeline.errors import UserError
from pipeline.queue import queue, search
from pipeline.queue.search import NOT_PROMISING, Search, cancel_search, find_search, start_search
from pipeline.queue.space import configuration
from pipeline.queue.trials import experiments, read_trials
from pipeline.runs import Run, RunTable, list_runs
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.run_setup import new_run
from tests.conftest import run_pipeline, wait_for
from tests.queue.queued import ENDLESS

EPOCHS = 9
CONFIG = build_config({}, {"dataset": "sample", "widths": "4", "epochs": str(EPOCHS)})
SPACE = "learning_rate=log(1e-4,1e-1) batch_size=16|32"
FEW = "schedule=cosine|constant|plateau plateau_patience=1|2"  # 4 of the 6 differ
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")

pytestmark = pytest.mark.usefixtures("sample")


def make(algorithm: str = "asha", samples: int = 16, space: str = SPACE, **changes) -> Search:
    config = CONFIG.model_copy(update=changes)
    return Search.make("rates", config, space, samples, algorithm, seed=3)


def train_as_if(run: Run) -> None:
    """Write the epochs of a run, which are better the nearer its rate is to 0.01."""
    config = run.train_config()
    peak = 0.9 - 0.2 * abs(math.log10(config.learning_rate) + 2)
    run.claim("queued")
    for epoch in range(len(run.history()), EPOCHS):
        row = f"{epoch},{peak * (1 - 0.5 ** (epoch + 1))}\n"
        new = "" if run.history_path.exists() else "epoch,val_accuracy\n"
        with run.history_path.open("a") as file:
            file.write(new + row)
        run.update_status(epoch=epoch + 1)
        time.sleep(0.6)
        if run.stop_path.exists():
            return run.update_status(state="stopped", message=run.stop_reason())
    run.update_status(state="finished")


@contextmanager
def trainer() -> Iterator[None]:
    """Be the queue's worker, whose trainings take seconds."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            for run in queue.queued_runs():
                train_as_if(run)

    with queue.worker_lock():
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def epochs_of(runs: list[Run]) -> list[int]:
    return sorted(len(run.history()) for run in runs)


def test_what_cannot_be_searched_is_one_sentence():
    for changes, sentence in (
        ({"algorithm": "grid"}, "Unknown search 'grid'. Choose from: asha, random, bayes."),
        ({"samples": 3}, "3 trials are too few: asha needs 4"),
        ({"samples": 10, "algorithm": "bayes"}, "bayes needs 11, as it draws the first 10"),
        ({"samples": 1001}, "take 1000 at most"),
        ({"space": "optimizer=sgd|adam seed=1..3"}, "The space has 6 configurations, fewer than"),
        ({"space": "epochs=3..9"}, "asha compares trials after equal epochs"),
        ({"space": "monitor=val_loss|val_accuracy"}, "monitor is what trials are compared by"),
        ({"space": "targets=labels|votes", "samples": 2, "algorithm": "random"}, "has no FER. vot"),
        ({"space": FEW, "samples": 5}, "The space has 4 different trainings, fewer than 5"),
        ({"dataset": "gone"}, "Unknown data set 'gone'"),
        ({"exclude": ("gone",)}, "gone"),
    ):
        with pytest.raises(UserError, match=sentence):
            make(**changes)
    with pytest.raises(UserError, match="Give the experiment a name"):
        Search.make("  ", CONFIG, SPACE, 16, "asha")
    with pytest.raises(UserError, match="has no search: start one with --space"):
        search.search_named("rates")


def test_without_the_extra_a_sentence_names_it(monkeypatch):
    monkeypatch.setattr(search, "find_spec", lambda name: None)

    with pytest.raises(UserError, match=r"pip install '\.\[ray\]'"):
        start_search(make())
    assert find_search("rates") is None


@needs_ray
def test_draws_are_the_same_for_a_seed_and_begin_alike_for_more_samples():
    from pipeline.queue.tuning import draw

    points = draw(make())
    assert points == draw(make()) == draw(make(samples=20))[:16]
    assert points != draw(make().model_copy(update={"seed": 4}))
    assert len({tuple(point.values()) for point in points}) == 16
    rates = [float(point["learning_rate"]) for point in points]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert sum(rate < 10**-2.5 for rate in rates) in range(4, 13)
    assert len(draw(make(space=FEW, samples=4))) == 4


@needs_ray
@pytest.mark.slow
def test_trials_behind_others_are_cut(empty_workspace):
    make(samples=8).save()
    with trainer():
        run_pipeline("search-run rates", empty_workspace)

    runs = list_runs()
    assert len(runs) == 8 and {run.state() for run in runs} == {"finished", "stopped"}
    for run in runs:
        if run.state() == "stopped":
            assert run.status().message == NOT_PROMISING and len(run.history()) < EPOCHS
    assert sum(epochs_of(runs)) <= 8 * EPOCHS * 2 / 3
    best = read_trials(experiments(RunTable().rows())["rates"])[0]
    assert best.row.run.state() == "finished"
    assert find_search("rates").state() == "finished"


@needs_ray
@pytest.mark.slow
def test_a_search_goes_on_with_what_was_stopped_or_killed_and_repeats_nothing(empty_workspace):
    make("random", 5).save()
    with trainer():
        first = threading.Thread(target=run_pipeline, args=("search-run rates", empty_workspace))
        first.start()
        wait_for(lambda: [run for run in list_runs() if run.status().epoch > 1], 240)
        (by_hand,) = list_runs()
        queue.stop(by_hand, now=False)
        first.join()
        assert len(list_runs()) == 5 and by_hand.status().message == "Stopped by request."
        killed, killed_at_the_end, cut, finished = (
            run for run in list_runs() if run.name != by_hand.name
        )
        for run in (by_hand, killed, cut):
            shorten(run, 2)
        killed.interrupt("killed")
        killed_at_the_end.interrupt("killed")
        TrainingCheckpoint(killed_at_the_end.history().to_dict("records")).write(killed_at_the_end)
        cut.update_status(state="stopped", message=NOT_PROMISING)
        make("random", 6).save()
        run_pipeline("search-run rates", empty_workspace)

    runs = list_runs()
    assert len(runs) == 6
    assert cut.state() == "stopped" and len(cut.history()) == 2
    assert {run.state() for run in runs if run.name != cut.name} == {"finished"}
    assert epochs_of(runs) == [2, *[EPOCHS] * 5]


def shorten(run: Run, epochs: int) -> None:
    """Leave a run's first epochs, and a checkpoint after them."""
    lines = run.history_path.read_text().splitlines(keepends=True)
    run.history_path.write_text("".join(lines[: epochs + 1]))
    TrainingCheckpoint(run.history().to_dict("records")).write(run)


@needs_ray
def test_bayes_begins_with_the_trials_of_any_architecture():
    from pipeline.queue.tuning import _point

    search = make("random", 4, "architecture=vgg16|resnet50v2 input_size=64|96")
    point = {"architecture": "resnet50v2", "input_size": "96"}

    assert _point(search, new_run(configuration(search.config, search.axes, point)[1])) == point
    assert _point(search, new_run(search.config)) is None


@needs_ray
@pytest.mark.slow
def test_a_search_whose_trials_cannot_be_made_says_why_and_is_not_finished(empty_workspace):
    make(samples=4).save()
    remove_dataset("sample")

    done = run_pipeline("search-run rates", empty_workspace, check=False)

    assert done.returncode == 1 and list_runs() == []
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("4 trials could not be made: Unknown data set 'sample'")
    assert not find_search("rates").finished


@needs_ray
@pytest.mark.slow
def test_bayes_learns_from_the_trials_that_there_are(empty_workspace, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds, sleep=time.sleep: sleep(seconds / 20))
    make("bayes", 18, "learning_rate=log(1e-6,1)").save()
    with trainer():
        run_pipeline("search-run rates", empty_workspace)

    rates = [run.train_config().learning_rate for run in reversed(list_runs())]
    assert len(rates) == 18
    drawn, chosen = rates[:10], rates[10:]

    def distance(rate: float) -> float:
        return abs(math.log10(rate) + 2)

    assert sorted(map(distance, chosen))[4] < sorted(map(distance, drawn))[5]
    assert {len(run.history()) for run in list_runs()} == {EPOCHS}


@needs_ray
@pytest.mark.slow
def test_a_killed_bayes_search_goes_on_with_its_seed_and_trains_nothing_twice(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds, sleep=time.sleep: sleep(seconds / 4))
    new = make("bayes", 14, "learning_rate=log(1e-6,1)")
    with trainer():
        started = start_search(new)
        wait_for(lambda: len(list_runs()) == 4, 240)
        os.kill(started.job.process().pid, signal.SIGKILL)
        wait_for(lambda: started.state() == "failed" and all_ended(list_runs()))
        interrupted, *finished = before = list_runs()
        shorten(interrupted, 2)
        interrupted.interrupt("killed")
        written = [run.history_path.stat().st_mtime_ns for run in finished]
        more = start_search(new.model_copy(update={"seed": 9}))
        assert more.seed == new.seed
        wait_for(lambda: more.state() != "running", 240)

    runs = list_runs()
    assert find_search("rates").state() == "finished"
    assert len(runs) == len({run.train_config().learning_rate for run in runs}) == 14
    assert {run.name for run in before} < {run.name for run in runs}
    assert {run.state() for run in runs} == {"finished"}
    assert all(run.history()["epoch"].tolist() == list(range(EPOCHS)) for run in runs)
    assert [run.history_path.stat().st_mtime_ns for run in finished] == written


def all_ended(runs: list[Run]) -> bool:
    return not any(run.state() in ("queued", "running") for run in runs)


@needs_ray
@pytest.mark.slow
def test_a_search_is_killed_goes_on_and_is_canceled_with_its_trials():
    endless = ENDLESS.model_copy(update={"batch_size": 32})
    new = Search.make("rates", endless, "learning_rate=log(1e-4,1e-1)", 4, "random", 3)
    started = start_search(new)
    with pytest.raises(UserError, match="is running already"):
        start_search(new)
    wait_for(lambda: [run for run in list_runs() if run.status().epoch > 0], 240)
    with pytest.raises(UserError, match="is running already"), new.held():
        pass
    process = started.job.process()
    os.kill(process.pid, signal.SIGKILL)
    (run,) = list_runs()
    left = Path("/tmp", new.ray_note.read_text())
    wait_for(lambda: started.state() == "failed")
    assert "was killed" in started.job.failure() and run.state() == "running"

    with pytest.raises(UserError, match="has another search"):
        start_search(new.model_copy(update={"samples": 3}))
    more = start_search(new.model_copy(update={"samples": 5, "seed": 9}))
    assert more.seed == 3
    wait_for(lambda: ray_processes(more), 60)
    ray = ray_processes(more)
    assert not left.exists()
    left = Path("/tmp", more.ray_note.read_text())
    assert left.is_dir()
    cancel_search(more)
    assert not left.exists()

    wait_for(lambda: run.state() == "stopped", 60)
    assert more.state() == "stopped" and len(list_runs()) == 1
    psutil.wait_procs(ray, 20)
    assert not any(each.is_running() for each in ray)


def ray_processes(running: Search) -> list[psutil.Process]:
    process = running.job.process()
    found = process.children(recursive=True) if process else []
    return [each for each in found if "ray" in each.name()]
