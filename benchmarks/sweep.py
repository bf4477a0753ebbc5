"""A search by ASHA against the grid of the same 16 trials' budget, on the synthetic sample.

Run: python benchmarks/sweep.py

Claim, with the extra `ray`: of 16 trials each, ASHA finds a configuration within 1 point of the
grid's best validation accuracy in at most half of the grid's epochs.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from support.claims import check, check_bounds

from pipeline.config.options import build_config
from pipeline.data.importing import import_dataset
from pipeline.queue.experiment import submit_experiment, vary
from pipeline.queue.search import Search, start_search
from pipeline.queue.trials import Trial, experiments, read_trials
from pipeline.runs import RunTable

EPOCHS, TRIALS = 9, 16
MAX_SHARE, MAX_LOSS_POINTS = 0.5, 1.0
CONFIG = build_config(
    {},
    {
        **{"dataset": "sample", "widths": "16,32,64", "convolutions": "1", "batch_size": "32"},
        **{"epochs": str(EPOCHS), "early_stopping_patience": "0", "schedule": "constant"},
    },
)
GRID = {
    "learning_rate": ["0.0001", "0.001", "0.01", "0.1"],
    "dropout": ["0", "0.2", "0.4", "0.6"],
}
SPACE = "learning_rate=log(1e-4,1e-1) dropout=0..0.6"


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    if find_spec("ray") is None:
        print("The extra 'ray' is not installed: nothing is measured.")
        return
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        import_dataset(Path("sample"), "sample")
        search = Search.make("asha", CONFIG, SPACE, TRIALS, "asha", seed=0)
        start_search(search)
        wait_for(lambda: search.state() != "running")
        found = report("asha")
        submit_experiment("grid", vary(CONFIG, GRID))
        wait_for(lambda: all(trial.row.state == "finished" for trial in trials("grid")))
        grid = report("grid")
    loss = 100 * (accuracy(grid[0]) - accuracy(found[0]))
    holds = [
        check(f"{len(found)} and {len(grid)} trials", len(found) == len(grid) == TRIALS, "16 each"),
        check_bounds("points behind the grid's best", loss, at_most=MAX_LOSS_POINTS),
        check_bounds("share of the epochs", epochs(found) / epochs(grid), at_most=MAX_SHARE),
    ]
    sys.exit(int(not all(holds)))


def trials(name: str) -> list[Trial]:
    """Return the trials of an experiment, the best first."""
    return read_trials(experiments(RunTable().rows()).get(name, []))


def report(name: str) -> list[Trial]:
    """Print the result of an experiment and return its trials."""
    found = trials(name)
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


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not condition():
        time.sleep(1)


if __name__ == "__main__":
    main()
