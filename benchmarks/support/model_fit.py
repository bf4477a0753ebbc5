"""Epochs of `model.fit` over few faces, two variants timed in alternation."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from support.commands import run_pipeline

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.store import load_dataset
from pipeline.training.batches import FaceBatches, make_batches
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.keras_model import rebuild
from pipeline.training.trainer import begin_phase

NAME = "benchmark"
FACES, VALIDATION_FACES = 1280, 256  # of an epoch
ROUNDS = 9
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}

Work = Callable[[], object]


@contextmanager
def few_faces() -> Iterator[FaceDataset]:
    """Import what the command line names, or synthetic faces, into a temporary workspace.

    Yields:
        An epoch's faces; some come more than once if there are too few.
    """
    source = str(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "sample"
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        run_pipeline("import", source, "--name", NAME)
        dataset = load_dataset(NAME)
        validation = dataset.indices(dataset.choosing_split())
        chosen = np.concatenate(
            [
                np.resize(dataset.training_indices(0), FACES),
                np.resize(validation, VALIDATION_FACES),
            ]
        )
        yield replace(
            dataset,
            images=np.asarray(dataset.images)[chosen],
            labels=dataset.labels[chosen],
            splits=dataset.splits[chosen],
            ids=np.arange(len(chosen)).astype(str),
            votes=None,
        )


def has_bfloat16() -> bool:
    """Return whether the CPU computes in bfloat16."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and bool(BFLOAT16_FLAGS & set(flags.read_text().split()))


def fit_epoch(config: TrainConfig, dataset: FaceDataset, count: int) -> Work:
    """Return an epoch of `model.fit` over some faces that are held in memory."""
    faces, targets = (array[:count] for array in in_memory(make_batches(config, dataset)[0]))
    model = compiled_model(config)
    return lambda: model.fit(faces, targets, batch_size=config.batch_size, shuffle=False, verbose=0)


def compiled_model(config: TrainConfig) -> keras.Model:
    """Build a configured model that is ready for its first step."""
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    model = rebuild(config)
    begin_phase(model, config, TrainingCheckpoint([]), head_only=False, resumed=False)
    return model


def in_memory(batches: FaceBatches) -> tuple[np.ndarray, ...]:
    """Return all faces and targets of an epoch as arrays."""
    every = [batches[index] for index in range(len(batches))]
    return tuple(np.concatenate(arrays) for arrays in zip(*every, strict=True))


def speedup(baseline_name: str, baseline: Work, name: str, work: Work, faces: int) -> float:
    """Time two variants in alternation after one warm-up round, and print both.

    Returns:
        How many times as fast the second is: the median over the rounds.
    """
    pairs = []
    for index in range(ROUNDS + 1):
        order = (baseline, work) if index % 2 else (work, baseline)
        seconds = {each: seconds_of(each) for each in order}
        pairs.append((seconds[baseline], seconds[work]))
    baseline_s, work_s = np.median(pairs[1:], axis=0)
    print(f"{faces:,} images, {ROUNDS} rounds, alternating, on {os.cpu_count()} cores, medians")
    print(f"  {baseline_name:18} {faces / baseline_s:6.0f} images/s")
    print(f"  {name:18} {faces / work_s:6.0f} images/s")
    return statistics.median(slow / fast for slow, fast in pairs[1:])


def seconds_of(work: Work) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
