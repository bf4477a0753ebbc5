"""Runs of the drawn faces, for the tests of the queue."""

from pipeline.runs import Run
from pipeline.training import queue
from pipeline.training.options import build_config

SHORT = {
    "dataset": "sample",
    "widths": "4",
    "convolutions": "1",
    "epochs": "1000",
    "early_stopping_patience": "0",
}


def submit(count: int) -> list[Run]:
    runs = [queue.submit(build_config({}, SHORT)) for _ in range(count)]
    for number, run in enumerate(runs):
        run.update_status(queued_at=float(number))
    return runs


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]
