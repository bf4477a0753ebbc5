"""Runs on a Ray cluster of two nodes with one CPU each, on this machine.

Run: python benchmarks/cluster.py [trials]     20 trials unless another number is given

Claims, on 2 idle cores, with the extra `ray`:
- Two runs on two nodes finish in at most 0.6 of the time that they take one after the other.
- A node is killed at a random moment of some trials, another one joins, and interrupted trials are
  resumed: all finish, with each epoch once, and with their evaluation.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from support.claims import check, check_bounds
from support.ray_cluster import RayCluster, ray_cluster

from pipeline.config.options import build_config
from pipeline.data.importing import import_dataset
from pipeline.queue import queue
from pipeline.queue.settings import set_max_parallel_runs
from pipeline.runs import Run, list_runs

EPOCHS, TRIALS = 8, 20
MAX_RATIO = 0.6
CONFIG = build_config(
    {},
    {
        **{"dataset": "sample", "widths": "8", "convolutions": "1"},
        **{"epochs": str(EPOCHS), "early_stopping_patience": "0"},
    },
)


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    if find_spec("ray") is None:
        print("The extra 'ray' is not installed: nothing is measured.")
        return
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    with tempfile.TemporaryDirectory() as workspace, ray_cluster(2) as cluster:
        os.environ["EMOTION_WORKSPACE"] = workspace
        import_dataset(Path("sample"), "sample")
        queue.set_engine("ray", address=cluster.address)
        holds = [measure_two_nodes(), measure_loss(cluster, trials)]
    sys.exit(int(not all(holds)))


def measure_two_nodes() -> bool:
    """Time two runs one after the other, and two in parallel."""
    seconds = {}
    for parallel in (1, 2, 1, 2):
        set_max_parallel_runs(parallel)
        start = time.perf_counter()
        runs = [queue.submit(CONFIG) for _ in range(2)]
        wait_for(lambda runs=runs: all(run.state() == "finished" for run in runs))
        taken = time.perf_counter() - start
        seconds[parallel] = min(taken, seconds.get(parallel, taken))
        print(f"two runs, {parallel} at a time: {taken:.0f} s", flush=True)
    return check_bounds("time on two nodes", seconds[2] / seconds[1], at_most=MAX_RATIO)


def measure_loss(cluster: RayCluster, trials: int) -> bool:
    """Kill a node while trials train, add another one, and resume what was interrupted."""
    before = {run.name for run in list_runs()}
    runs = [queue.submit(CONFIG) for _ in range(trials)]
    wait_for(lambda: any(run.state() == "finished" for run in runs))
    time.sleep(random.uniform(0, 20))
    cluster.tell("kill")
    cluster.tell("add")
    resumed = set()

    def ended() -> bool:
        for run in runs:
            if run.state() == "interrupted" and not run.status().job:  # the worker has noticed
                queue.resume(run)
                resumed.add(run.name)
        return all(run.state() in ("finished", "failed", "stopped") for run in runs)

    wait_for(ended)
    whole = [run for run in runs if is_whole(run)]
    extra = {run.name for run in list_runs()} - before - {run.name for run in runs}
    measured = f"{len(whole)} of {trials} trials whole, {len(resumed)} resumed, {len(extra)} extra"
    return check(measured, len(whole) == trials and not extra, "none lost, none twice")


def is_whole(run: Run) -> bool:
    """Return whether a run is finished with each of its epochs once and with its evaluation."""
    epochs = run.history()["epoch"].tolist()
    return (
        run.state() == "finished"
        and epochs == list(range(EPOCHS))
        and len(run.evaluation_paths()) == 1
    )


def wait_for(condition: Callable[[], bool], seconds: float = 1800) -> None:
    """Wait until a condition holds; end this script if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("waited too long: " + ", ".join(str(run.status()) for run in list_runs()))
        time.sleep(0.5)


if __name__ == "__main__":
    main()
