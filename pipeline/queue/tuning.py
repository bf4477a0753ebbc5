"""Runs a search by Ray Tune. Loads no keras.

It loads ray, so only the process of a search imports it, after `prepare_ray`.

Tune decides which configurations are tried and which are cut, and nothing else: each of its trials
queues a run and reports that run's epochs, wherever the queue's engine trains it.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pandas as pd
import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.optuna import OptunaSearch

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.queue.experiment import effective_fields, fields_of, variant
from pipeline.queue.ray_folder import ray_folder
from pipeline.queue.search import NOT_PROMISING, Search, search_named
from pipeline.queue.settings import max_parallel_runs
from pipeline.queue.space import Axis, Values, at_ends, configuration
from pipeline.runs import Notes, Run, RunTable, find_run
from pipeline.runs.history import best_row
from pipeline.training.resume import RESUMABLE, check_resumable
from pipeline.training.run_setup import new_run

_POLL_S, _WATCH_S = 0.25, 1.0
_REDUCTION = 3  # of the trials that reach a rung, one in three goes on, as in the paper of ASHA
_LOOPBACK = "127.0.0.1"


class QueuedRun(tune.Trainable):
    """A trial: a run of the experiment. A step waits for its next epoch, the last one for its end.

    The run is the one that trains the same configuration already, if there is one: its finished
    epochs are reported at once, and it goes on if it was interrupted or stopped by hand.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Find or queue the run of a point of the space."""
        search = search_named(config["search"])
        title, train = configuration(search.config, search.axes, config["values"])
        self._metric, self._epochs = search.config.monitor, train.total_epochs
        notes = Notes(name=title, experiment=search.name)
        with search.locked():  # of two equal points at once, the second finds the first one's run
            self._run = _find_run(search, train) or new_run(train, notes=notes)
        status = self._run.status()
        by_hand = status.state == "stopped" and status.message != NOT_PROMISING
        self._resumed_from = ["interrupted", *["stopped"] * by_hand]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another point, so that not every trial needs a process of its own."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Return the best value of the monitored metric so far, once the next epoch is done."""
        done = self.iteration
        while True:
            state, status = self._run.state(), self._run.status()
            if state in self._resumed_from:  # first of all: its epochs are no end
                self._resumed_from = []
                self._run.enqueue(*RESUMABLE, config=check_resumable(self._run))
                continue
            history = self._run.history()  # read last, so that it is whole where the run has ended
            ended = state not in ("queued", "running")
            if len(history) > done:
                early = status.stopped_early and len(history) == done + 1
                if ended or not (done + 1 == self._epochs or early):
                    return self._result(history[: done + 1], ended and len(history) == done + 1)
            elif ended:
                return self._result(history, True)
            time.sleep(_POLL_S)

    def _result(self, history: pd.DataFrame, ended: bool) -> dict[str, Any]:
        best = best_row(history, self._metric)
        value = math.nan if best is None else float(best[self._metric])
        return {
            **{"value": value, "epoch": len(history), "run": self._run.name},
            **{"done": ended, "ended": ended},  # Tune sets `done` itself where it ends the trial
        }


def _find_run(search: Search, config: TrainConfig) -> Run | None:
    """Return the run of the experiment that is the same training, if there is one."""
    wanted = effective_fields(config)
    for row in search.trials(RunTable().rows()):
        with suppress(UserError):
            if effective_fields(row.run.train_config()) == wanted:
                return row.run
    return None


class CutTrials(tune.Callback):
    """Stops the run of a trial that Tune has ended before its last epoch."""

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **info: object
    ) -> None:
        """Stop the run unless it has ended by itself."""
        last = trial.last_result or {}
        if last.get("run") and not last["ended"]:
            with suppress(UserError):  # deleted meanwhile
                cut(find_run(last["run"]))


def cut(run: Run) -> None:
    """Stop a run that is not promising, within its present epoch, unless it has ended."""
    try:
        queue.stop(run, reason=NOT_PROMISING)
    except UserError:  # neither queued nor running
        with run.locked():
            if run.state() in ("stopped", "interrupted"):
                run.update_status(state="stopped", eta_s=None, message=NOT_PROMISING)


def run_search(search: Search, set_progress: Callable[[float], None]) -> None:
    """Try the trials of a search, and mark it as finished.

    Args:
        search: the search.
        set_progress: called with the fraction of the trials that have ended.

    Raises:
        UserError: Ray does not start, another process runs this search, or some trials could not
            be made; the others have ended.
    """
    with search.held():
        _run_search(search, set_progress)


def _run_search(search: Search, set_progress: Callable[[float], None]) -> None:
    parallel = min(max_parallel_runs(), search.samples)
    with ray_folder(search.ray_note) as folder, _watch(search, set_progress):
        _start_ray(parallel, folder)
        try:
            results = _tuner(search, parallel, folder).fit()
        finally:
            ray.shutdown()
    if errors := results.errors:
        last_line = str(errors[0]).strip().splitlines()[-1]  # of the traceback in its process
        reason = last_line.removeprefix(f"{UserError.__module__}.{UserError.__qualname__}: ")
        raise UserError(f"{len(errors)} trials could not be made: {reason}")
    search.model_copy(update={"finished": True}).save()


def _start_ray(parallel: int, folder: str) -> None:
    try:
        ray.init(
            "local",
            num_cpus=parallel,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=80 * 2**20,
            _node_ip_address=_LOOPBACK,
            _temp_dir=folder,
        )
    except (RuntimeError, OSError, RayError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"Ray does not start ({reason}): resume the search.") from error


def _tuner(search: Search, parallel: int, folder: str) -> tune.Tuner:
    bayes = search.algorithm == "bayes"
    domains = {axis.field: _domain(axis) for axis in search.axes}
    return tune.Tuner(
        QueuedRun,
        param_space={
            "search": search.name,
            "values": domains if bayes else tune.grid_search(draw(search)),
        },
        tune_config=tune.TuneConfig(
            metric="value",
            mode="min" if search.config.monitor.endswith("loss") else "max",
            num_samples=search.samples if bayes else 1,
            search_alg=_optuna(search) if bayes else None,
            scheduler=_asha(search) if search.algorithm == "asha" else FIFOScheduler(),
            max_concurrent_trials=parallel,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=folder,
            verbose=0,
            callbacks=[CutTrials()],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


def _domain(axis: Axis) -> Any:
    if axis.choices:
        return tune.choice(axis.choices)
    if axis.whole:
        draw_integer = tune.lograndint if axis.log else tune.randint
        return draw_integer(round(axis.low), round(axis.high) + 1)
    return (tune.loguniform if axis.log else tune.uniform)(axis.low, axis.high)


def draw(search: Search) -> list[Values]:
    """Return the points of a search at random, of different configurations.

    Those of a search with more samples begin with the same ones.

    Raises:
        UserError: the space has hardly as many.
    """
    rng, domains = np.random.default_rng(search.seed), [_domain(axis) for axis in search.axes]
    points: dict[object, Values] = {}
    for _ in range(100 * search.samples):
        values = [domain.sample(random_state=rng) for domain in domains]
        point = {
            axis.field: axis.as_text(value) for axis, value in zip(search.axes, values, strict=True)
        }
        points.setdefault(effective_fields(variant(search.config, point)[1]), point)
        if len(points) == search.samples:
            return list(points.values())
    raise UserError(
        f"Only {len(points)} different trainings were found in the space: take fewer samples."
    )


def _asha(search: Search) -> Any:
    """Return the scheduler. None is cut in its warm-up, its head's phase, or a fifth after them."""
    configs = at_ends(search.config, search.axes)
    first = max(
        each.head_epochs + each.warmup_epochs + max(2, round(each.epochs / 5)) for each in configs
    )
    last = max(each.total_epochs for each in configs)
    return ASHAScheduler(
        time_attr="epoch",
        max_t=last,
        grace_period=min(first, last),
        reduction_factor=_REDUCTION,
    )


def _optuna(search: Search) -> Any:
    """Return the searcher, which begins with the points of the trials that there are."""
    trials = (_point(search, row.run) for row in reversed(search.trials(RunTable().rows())))
    points = [point for point in trials if point is not None]
    return OptunaSearch(
        points_to_evaluate=[
            {f"values/{field}": value for field, value in point.items()} for point in points
        ],
        seed=search.seed + len(points),  # the same would repeat the first draws
    )


def _point(search: Search, run: Run) -> Values | None:
    """Return the point of the space that a run trains; None if it is of another space."""
    try:
        config = run.train_config()
    except UserError:
        return None
    values = {axis.field: _value_on(axis, config) for axis in search.axes}
    point = {field: value for field, value in values.items() if value is not None}
    return point if len(point) == len(values) else None


def _value_on(axis: Axis, config: TrainConfig) -> str | float | None:
    """Return a field's value as a point has it; None if it is not on the axis."""
    value = fields_of(config).get(axis.field)
    if not axis.choices:
        within = isinstance(value, int | float) and axis.low <= value <= axis.high
        number: float | None = value if within else None
        return number
    for choice in axis.choices:
        with suppress(UserError):  # another value need not go with the run's others
            if fields_of(variant(config, {axis.field: choice})[1])[axis.field] == value:
                return choice
    return None


@contextmanager
def _watch(search: Search, set_progress: Callable[[float], None]) -> Iterator[None]:
    """Keep a worker alive while the search runs, and tell how many trials have ended."""
    ended, table = threading.Event(), RunTable()

    def watch() -> None:
        while not ended.wait(_WATCH_S):
            with suppress(OSError, UserError):  # tried again
                rows = table.rows()
                over = sum(row.state not in ("queued", "running") for row in search.trials(rows))
                set_progress(min(1.0, over / search.samples))
                queue.ensure_worker(rows)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
