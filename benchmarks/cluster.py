"""Runs and photos on a Ray cluster of two nodes with one CPU each, on this machine.

Run: python benchmarks/cluster.py [two-nodes|runs-loss|predict|memory|loss] [number]

All claims without a name. Each node has a core of its own, which the first one shares with the head
of the cluster. The number is that of trials (20) for both losses, of photos for predict
(2,400) and memory (50,000). On 2 idle cores, with the extra `ray`:
- two-nodes: two runs of 80 epochs on two nodes finish in at most 0.6 of the time that they take
  one after the other.
- runs-loss: a node is killed at a random moment of some trials, another one joins, and interrupted
  trials are resumed: all finish, with each epoch once, and with their evaluation.
- predict: two nodes recognize at least 1.8 times the photos per second of one. With several
  actors each waits 0.16 s between two parts, which Ray Data's loop takes: parts of 100 photos last
  5 s, the command's usual ones of 1,000 a minute. The job's driver is a session of its own, which
  Linux kept waiting for an actor's whole part where it groups sessions and both use one core: turn
  that off, by `sysctl kernel.sched_autogroup_enabled=0`.
- memory: the job's driver and the command take at most 40 MB more for 50,000 photos than for 1,000.
- loss: a node is killed at a random moment between the first and the last part of `predict`, and
  another one joins, once in each trial: all results are there, each once, and equal byte by byte to
  those of one process. In half of the trials or more, the kill comes before the last part.
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import psutil
from support.claims import check, check_bounds
from support.commands import run_pipeline
from support.photos import repeat_photos, write_photos
from support.ray_cluster import RayCluster, ray_cluster

from pipeline.config.options import build_config
from pipeline.data.importing import import_dataset
from pipeline.queue import queue
from pipeline.queue.settings import set_max_parallel_runs
from pipeline.runs import Run, list_runs

MODEL = "custom_cnn"
PHOTOS, PART_SIZE, MIN_SPEED_UP = 2_400, 100, 1.8
FEW, MANY, MAX_GROWTH_MB = 1_000, 50_000, 40
LOSS_PHOTOS, LOSS_PART_SIZE = 240, 20
EPOCHS, TRIALS = 8, 20
LONG_EPOCHS, MAX_RATIO = 80, 0.6
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
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    claims: dict[str, Callable[[Path], bool]] = {
        "two-nodes": lambda folder: measure_two_nodes(),
        "runs-loss": lambda folder: measure_runs_loss(number or TRIALS),
        "predict": lambda folder: measure_predict(folder, number or PHOTOS),
        "memory": lambda folder: measure_memory(folder, number or MANY),
        "loss": lambda folder: measure_loss(folder, number or TRIALS),
    }
    names = sys.argv[1:2] or list(claims)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    holds = []
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        import_dataset(Path("sample"), "sample")
        for name in names:
            (folder := Path(workspace, name)).mkdir()
            holds.append(claims[name](folder))
    sys.exit(int(not all(holds)))


@contextmanager
def nodes(number: int) -> Iterator[RayCluster]:
    """Start a cluster for the block, and let the queue and `predict` use it."""
    with ray_cluster(number, pinned=True) as cluster:
        queue.set_engine("ray", address=cluster.address)
        yield cluster


def measure_two_nodes() -> bool:
    """Time two runs one after the other on one node, and in parallel on two."""
    long = CONFIG.model_copy(update={"epochs": LONG_EPOCHS})
    seconds = {}
    for parallel in (1, 2, 1, 2):
        set_max_parallel_runs(parallel)
        with nodes(parallel):
            start = time.perf_counter()
            runs = [queue.submit(long) for _ in range(2)]
            wait_for(lambda runs=runs: all(run.state() == "finished" for run in runs))
            taken = time.perf_counter() - start
        seconds[parallel] = min(taken, seconds.get(parallel, taken))
        print(f"two runs on {parallel} nodes: {taken:.0f} s", flush=True)
    return check_bounds("time on two nodes", seconds[2] / seconds[1], at_most=MAX_RATIO)


def measure_runs_loss(trials: int) -> bool:
    """Kill a node while trials train, add another one, and resume what was interrupted."""
    set_max_parallel_runs(2)
    before = {run.name for run in list_runs()}
    resumed = set()

    def ended() -> bool:
        for run in runs:
            if run.state() == "interrupted" and not run.status().job:  # the worker has noticed
                queue.resume(run)
                resumed.add(run.name)
        return all(run.state() in ("finished", "failed", "stopped") for run in runs)

    with nodes(2) as cluster:
        runs = [queue.submit(CONFIG) for _ in range(trials)]
        wait_for(lambda: any(run.state() == "finished" for run in runs))
        time.sleep(random.uniform(0, 20))
        cluster.tell("kill")
        cluster.tell("add")
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


def measure_predict(folder: Path, n: int) -> bool:
    """Recognize the same photos on one and on two nodes, alternating; take the best of each."""
    photos = repeat_photos(folder / "photos", write_photos(folder / "made", 40, 1280, 960), n)
    rates: dict[int, float] = {}
    for number, workers in enumerate((1, 2, 1, 2)):
        output = folder / str(number)
        with nodes(workers):
            cost = run_pipeline(*words(photos, output, PART_SIZE), "--workers", str(workers))
        written = sorted(path.stat().st_mtime for path in (output / "parts").iterdir())
        counted = len(written) - workers  # the parts after the first one of each node
        rate = PART_SIZE * counted / (written[-1] - written[workers - 1])
        rates[workers] = max(rate, rates.get(workers, 0.0))
        print(
            f"  {workers} nodes: {rate:.1f} photos/s after their first parts; "
            f"{cost.seconds:.0f} s for {n} photos with the start of job and actors",
            flush=True,
        )
    return check_bounds("two nodes to one", rates[2] / rates[1], at_least=MIN_SPEED_UP)


def words(photos: Path, output: Path, part_size: int) -> list[str]:
    """Return the command that recognizes photos on the cluster."""
    command = ["predict", MODEL, str(photos), "--output", str(output)]
    return [*command, "--part-size", str(part_size), "--engine", "ray"]


def measure_memory(folder: Path, many: int) -> bool:
    """Recognize few and many small face crops; watch the driver and the command."""
    photos = write_photos(folder / "made", 20, 160, 120)
    peaks, commands = {}, {}
    for n in (FEW, many):
        source = repeat_photos(folder / f"photos-{n}", photos, n)
        output = folder / str(n)
        with nodes(2), peak_of_driver(output) as peak:
            cost = run_pipeline(*words(source, output, 1000), "--cropped")
        peaks[n], commands[n] = peak(), cost.peak_mb
        print(f"  {n:,} photos: {cost.seconds:.0f} s", flush=True)
    return all(
        check(
            f"{name}: peak {peak[FEW]:.0f} MB for {FEW:,} photos, {peak[many]:.0f} for {many:,}",
            0 < peak[FEW] and peak[many] - peak[FEW] <= MAX_GROWTH_MB,
            f"at most {MAX_GROWTH_MB} MB more",
        )
        for name, peak in (("driver", peaks), ("command", commands))
    )


@contextmanager
def peak_of_driver(output: Path) -> Iterator[Callable[[], float]]:
    """Watch the job that writes a folder; yield a function for its peak memory in MB."""
    ended, peak = threading.Event(), 0

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            for process in psutil.process_iter(["cmdline", "memory_info"]):
                line = process.info["cmdline"] or []
                if "write-parts" in line and str(output) in line:
                    peak = max(peak, process.info["memory_info"].rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: peak / 2**20
    finally:
        ended.set()
        thread.join()


def measure_loss(folder: Path, trials: int) -> bool:
    """Kill a node at a random moment of each trial, and add another one."""
    photos = write_photos(folder / "made", 40, 1280, 960)
    source = repeat_photos(folder / "photos", photos, LOSS_PHOTOS)
    local = words(source, folder / "local", LOSS_PART_SIZE)
    local[-1] = "local"
    run_pipeline(*local, "--workers", "1")
    expected, table = hashes(folder / "local"), pd.read_parquet(folder / "local" / "parts")
    if table["path"].nunique() != LOSS_PHOTOS or table.duplicated(["path", "face"]).any():
        sys.exit("the undisturbed batch is not whole")
    with nodes(2) as cluster:
        run_pipeline(*words(source, folder / "undisturbed", LOSS_PART_SIZE))
        written = [path.stat().st_mtime for path in parts_of(folder / "undisturbed")]
        seconds = max(written) - min(written)
        whole = hit = 0
        for trial in range(trials):
            output, moment = folder / str(trial), random.uniform(0, seconds)
            command = [sys.executable, "-m", "pipeline", *words(source, output, LOSS_PART_SIZE)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                wait_for(lambda output=output: parts_of(output), 300)
                time.sleep(moment)
                done = len(parts_of(output))
                cluster.tell("kill")
                cluster.tell("add")
            whole += process.returncode == 0 and hashes(output) == expected
            hit += done < len(expected)
            print(
                f"  {trial + 1}: killed {moment:.1f} of {seconds:.1f} s after the first part, with "
                f"{done} of {len(expected)} parts; {whole} whole",
                flush=True,
            )
    measured = f"{whole} of {trials} trials whole, {hit} killed before their last part"
    return check(measured, whole == trials and 2 * hit >= trials, "none lost, none twice")


def parts_of(output: Path) -> list[Path]:
    """Return the parts of a folder that are written so far."""
    return list((output / "parts").glob("part-*"))


def hashes(output: Path) -> dict[str, str]:
    """Return name → digest of the parts of a folder."""
    parts = (output / "parts").iterdir()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in parts}


def wait_for(condition: Callable[[], object], seconds: float = 1800) -> None:
    """Wait until a condition holds; end this script if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("waited too long: " + ", ".join(str(run.status()) for run in list_runs()))
        time.sleep(0.5)


if __name__ == "__main__":
    main()
