"""Searches by ASHA against a grid of as many trials, on the synthetic sample.

Run: python benchmarks/sweep.py [seed …]

Claim, with the extra `ray`: of 16 trials each, ASHA finds a configuration within 1 point of the
grid's best validation accuracy in at most half of the grid's epochs; medians of the searches, if
more than one seed is given (0 without).

All runs are trained in this process, which loads TensorFlow once, one at a time, and are not
exported. ASHA cuts by the trials so far, so that several at a time would be cut otherwise.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from support.claims import check, check_bounds

from pipeline.config.options import build_config
from pipeline.data.importing import import_dataset
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.queue.experiment import submit_experiment, vary
from pipeline.queue.search import Search, start_search
from pipeline.queue.trials import Trial, experiments, read_trials
from pipeline.runs import Run, RunTable
from pipeline.training.run_setup import training_faces
from pipeline.training.run_status import TrainingStopped, record_status

EPOCHS, TRIALS = 16, 16
MAX_SHARE, MAX_LOSS_POINTS = 0.5, 1.0
CONFIG = build_config(
    {},
    {
        **{"dataset": "sample", "widths": "8,16,32,64", "convolutions": "1", "batch_size": "32"},
        **{"epochs": str(EPOCHS), "early_stopping_patience": "0", "schedule": "constant"},
        "ema_momentum": "0.9",
    },
)
GRID = {
    "learning_rate": ["0.001", "0.003", "0.01", "0.03"],
    "dropout": ["0", "0.15", "0.3", "0.45"],
}
SPACE = "learning_rate=log(1e-3,3e-2) dropout=0..0.45"


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    if find_spec("ray") is None:
        print("The extra 'ray' is not installed: nothing is measured.")
        return
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        import_dataset(Path("sample"), "sample")
        with queue.worker_lock():  # so that no worker starts
            submit_experiment("grid", vary(CONFIG, GRID))
            train_queued(lambda: False)
            grid = report("grid")
            found = [search(seed) for seed in map(int, sys.argv[1:] or [0])]
    counts = [len(trials) for trials in (grid, *found)]
    loss = median(100 * (accuracy(grid[0]) - accuracy(trials[0])) for trials in found)
    share = median(epochs(trials) / epochs(grid) for trials in found)
    holds = [
        check(f"trials: {counts}", set(counts) == {TRIALS}, f"{TRIALS} each"),
        check_bounds("points behind the grid's best", loss, at_most=MAX_LOSS_POINTS),
        check_bounds("share of the epochs", share, at_most=MAX_SHARE),
    ]
    sys.exit(int(not all(holds)))


def search(seed: int) -> list[Trial]:
    """Search by ASHA; return the trials, the best first."""
    running = start_search(Search.make(f"asha {seed}", CONFIG, SPACE, TRIALS, "asha", seed))
    train_queued(lambda: running.state() == "running")
    if running.job.failure():
        sys.exit(f"{running.name}: {running.job.failure()}")
    return report(running.name)


def train_queued(more: Callable[[], bool]) -> None:
    """Train what is queued, in order, as long as there may be more."""
    while (queued := queue.queued_runs()) or more():
        if queued:
            train_one(queued[0])
        else:
            time.sleep(0.2)


def train_one(run: Run) -> None:
    """Train a run unless it is stopped."""
    import keras

    from pipeline.training.trainer import train

    keras.backend.clear_session()
    with suppress(TrainingStopped, UserError), record_status(run, "queued"):
        train(run.train_config(), training_faces(run), run)
        run.update_status(state="finished")
    values = run.history()["val_accuracy"]
    print(f"  {run.notes().name}: {' '.join(f'{100 * value:.0f}' for value in values)}", flush=True)


def report(name: str) -> list[Trial]:
    """Print the result of an experiment; return its trials, the best first."""
    found = read_trials(experiments(RunTable().rows()).get(name, []))
    best = found[0]
    print(
        f"{name}: best {accuracy(best):.1%} by {best.row.title}, {epochs(found)} epochs, "
        f"{sum(len(trial.history) == EPOCHS for trial in found)} trials to the end",
        flush=True,
    )
    return found


def accuracy(trial: Trial) -> float:
    """Return the accuracy of a trial at its best epoch."""
    return trial.accuracy or 0.0


def epochs(found: list[Trial]) -> int:
    """Return how many epochs some trials were trained in all."""
    return sum(len(trial.history) for trial in found)


if __name__ == "__main__":
    main()
