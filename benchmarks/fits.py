"""Epochs of `model.fit` over few faces, timed by turns."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from pipeline.data.dataset import FaceDataset
from pipeline.data.store import load_dataset
from pipeline.training.batches import FaceBatches, make_batches
from pipeline.training.config import TrainConfig
from pipeline.training.keras_model import rebuild
from pipeline.training.state import TrainingState
from pipeline.training.trainer import begin_phase

NAME = "benchmark"
FACES, CHOSEN_ON = 1280, 256  # of an epoch's training and validation
ROUNDS = 9
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}

Work = Callable[[], object]


@contextmanager
def imported() -> Iterator[FaceDataset]:
    """Import what the command names, or drawn faces, into a workspace of its own; give a few."""
    source = str(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "sample"
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        subprocess.run(
            [sys.executable, "-m", "pipeline", "import", source, "--name", NAME], check=True
        )
        yield few_faces(load_dataset(NAME))


def few_faces(dataset: FaceDataset) -> FaceDataset:
    """Return as many faces of a data set as a round takes, some more than once if need be."""
    part = np.concatenate(
        [
            np.resize(dataset.training_indices(0), FACES),
            np.resize(dataset.indices(dataset.choosing_split()), CHOSEN_ON),
        ]
    )
    return replace(
        dataset,
        images=np.asarray(dataset.images)[part],
        labels=dataset.labels[part],
        splits=dataset.splits[part],
        ids=np.arange(len(part)).astype(str),
        votes=None,
    )


def has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and bool(BFLOAT16_FLAGS & set(flags.read_text().split()))


def fitting(config: TrainConfig, dataset: FaceDataset, count: int) -> Work:
    """Return an epoch of `model.fit` over some faces that are held in memory."""
    faces, targets = (array[:count] for array in in_memory(make_batches(config, dataset)[0]))
    model = compiled(config)
    return lambda: model.fit(faces, targets, batch_size=config.batch_size, shuffle=False, verbose=0)


def compiled(config: TrainConfig) -> keras.Model:
    """Build a configured model that is ready for its first step."""
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    model = rebuild(config)
    begin_phase(model, config, TrainingState([]), head_only=False, anew=True)
    return model


def in_memory(batches: FaceBatches) -> tuple[np.ndarray, ...]:
    """Return all of an epoch's faces and targets, as they are given."""
    given = [batches[number] for number in range(len(batches))]
    return tuple(np.concatenate(arrays) for arrays in zip(*given, strict=True))


def compare(usual_name: str, usual: Work, name: str, work: Work, faces: int) -> float:
    """Time two works by turns after one round to warm up; return how often as fast the second is.

    Returns:
        The median over the rounds of the ratio of their speeds.
    """
    pairs = []
    for number in range(ROUNDS + 1):
        order = (usual, work) if number % 2 else (work, usual)
        seconds = {each: seconds_of(each) for each in order}
        pairs.append((seconds[usual], seconds[work]))
    usual_s, work_s = np.median(pairs[1:], axis=0)
    ratio = statistics.median(slow / quick for slow, quick in pairs[1:])
    print(f"{faces:,} images, {ROUNDS} rounds by turns on {os.cpu_count()} cores, medians")
    print(f"  {usual_name:18} {faces / usual_s:6.0f} images/s")
    print(f"  {name:18} {faces / work_s:6.0f} images/s")
    print(f"  ratio of each round {ratio:.3f}", end=" ")
    return ratio


def seconds_of(work: Work) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def told(kept: bool, promise: str) -> bool:
    """Print what was promised and whether it was kept; return that."""
    print(f"(promised: {promise}): {'kept' if kept else 'MISSED'}", flush=True)
    return kept
