"""Queued runs on the synthetic sample."""

from pipeline.config.options import build_config
from pipeline.queue import queue
from pipeline.runs import Run
from tests.conftest import wait_for

ENDLESS = build_config(
    {},
    {
        **{"dataset": "sample", "widths": "4", "convolutions": "1"},
        **{"epochs": "1000", "early_stopping_patience": "0"},
    },
)


def submit(count: int) -> list[Run]:
    runs = [queue.submit(ENDLESS) for _ in range(count)]
    for number, run in enumerate(runs):
        run.update_status(queued_at=float(number))
    return runs


def names(runs: list[Run]) -> list[str]:
    return [run.name for run in runs]


def wait_for_epoch(run: Run, epochs: int) -> None:
    """Wait until a run that trains has finished this many epochs; TensorFlow starts meanwhile."""
    try:
        wait_for(lambda: run.state() == "running" and run.status().epoch >= epochs, 150)
    except AssertionError:
        raise AssertionError(f"{run.status()}\n{run.log_path.read_text()}") from None
