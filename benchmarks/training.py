"""How fast a training is beside a bare `model.fit`, and what bfloat16 gains.

Run: python benchmarks/training.py [FER-2013 as CSV or TAR.GZ]     without one, drawn faces are used

Claims, on 2 cores that do nothing else, with the default custom CNN:
- Images per second with augmentation, state and status are at least 95 % of those of `model.fit`
  on the same model and the same batches, augmented before and held in memory.
- `mixed_bfloat16` is faster than `float32` where the processor computes in it.
- With `models.processor` a step takes less time than with Keras' own layers: of the default custom
  CNN and of ResNet50V2 at 48 pixels, in the fastest precision that the processor has.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np

from pipeline.data.dataset import FaceDataset
from pipeline.data.store import load_dataset
from pipeline.runs import create_run
from pipeline.training.batches import FaceBatches, make_batches
from pipeline.training.callbacks import Keeper, Progress
from pipeline.training.config import TrainConfig
from pipeline.training.keras_model import rebuild
from pipeline.training.state import TrainingState
from pipeline.training.trainer import begin_phase

NAME = "benchmark"
FACES, CHOSEN_ON = 1280, 256  # of an epoch's training and validation
PRECISION_FACES = 960
LAYER_FACES = 512
ROUNDS = 9
LEAST_SHARE = 0.95
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}

Work = Callable[[], object]


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    source = str(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "sample"
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["EMOTION_WORKSPACE"] = workspace
        subprocess.run(
            [sys.executable, "-m", "pipeline", "import", source, "--name", NAME], check=True
        )
        dataset = few_faces(load_dataset(NAME))
        kept = [measure_loop(dataset), measure_precision(dataset), *measure_layers(dataset)]
    sys.exit(int(not all(kept)))


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


def measure_loop(dataset: FaceDataset) -> bool:
    """Time epochs of ours and of the bare `model.fit` by turns, on one model."""
    config = TrainConfig(dataset=NAME)
    training, validation = make_batches(config, dataset)
    run = create_run(config, dataset.fingerprint)
    model = compiled(config)
    keeper = Keeper(config, run, training, TrainingState([]))
    progress = Progress(run, config, len(training), lambda fraction: None)
    arrays, judged = in_memory(training), in_memory(validation)

    def ours() -> None:
        epoch = len(keeper.state.history)
        model.fit(
            training,
            validation_data=validation,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[keeper, progress],
        )

    def bare() -> None:
        model.fit(
            *arrays,
            batch_size=config.batch_size,
            validation_data=judged,
            validation_batch_size=len(judged[0]),
            shuffle=False,
            verbose=0,
        )

    share = compare("bare model.fit", bare, "ours", ours, FACES)
    return told(share >= LEAST_SHARE, f"at least {LEAST_SHARE:.2f}")


def measure_precision(dataset: FaceDataset) -> bool:
    """Time `model.fit` in both precisions by turns, where the processor has bfloat16."""
    if not has_bfloat16():
        print("mixed_bfloat16: not measured, this processor does not compute in it")
        return True
    works = {
        precision: fitting(TrainConfig(dataset=NAME, precision=precision), dataset, PRECISION_FACES)
        for precision in ("float32", "mixed_bfloat16")
    }
    (one, first), (other, second) = works.items()
    gain = compare(one, first, other, second, PRECISION_FACES)
    return told(gain > 1, "more than 1")


def measure_layers(dataset: FaceDataset) -> list[bool]:
    """Time `model.fit` with Keras' own layers and with quick ones by turns."""
    precision = "mixed_bfloat16" if has_bfloat16() else "float32"
    resnet = {"weights": "none", "input_size": 48}
    kept = []
    for fields in ({}, {"architecture": "resnet50v2", "model": resnet, "batch_size": 128}):
        config = TrainConfig(dataset=NAME, precision=precision, **fields)
        with mock.patch("pipeline.training.trainer.quicken"):
            usual = fitting(config, dataset, LAYER_FACES)
        quick = fitting(config, dataset, LAYER_FACES)
        name = f"quick {config.architecture}"
        gain = compare("Keras' layers", usual, name, quick, LAYER_FACES)
        kept.append(told(gain > 1, "more than 1"))
    return kept


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


if __name__ == "__main__":
    main()
