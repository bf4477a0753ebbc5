"""Speed of a training beside a bare `model.fit`, and of bfloat16 beside float32.

Run: python benchmarks/training.py [FER-2013 as CSV or TAR.GZ]     without one, synthetic faces

Claims, on 2 idle cores, with the default custom CNN:
- Images per second with augmentation, checkpoint and status are at least 95% of those of
  `model.fit` on the same model and the same batches, augmented before and held in memory.
- `mixed_bfloat16` is faster than `float32` where the CPU computes in it.
- A step with the bundled `custom_cnn` as teacher takes at most 1.35 times one without.
"""

import sys

import keras
from support.claims import check_bounds
from support.model_fit import (
    FACES,
    NAME,
    Work,
    compiled_model,
    few_faces,
    fit_epoch,
    has_bfloat16,
    in_memory,
    speedup,
)

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.runs import create_run
from pipeline.training.batches import make_batches
from pipeline.training.callbacks import (
    EpochSetup,
    KeepHeaps,
    Progress,
    RunCheckpoint,
    epoch_callbacks,
)
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.vision.teacher import load_teacher

PRECISION_FACES = 960
MIN_RATIO = 0.95
MAX_TEACHER_RATIO = 1.35


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    with few_faces() as dataset:
        holds = [measure_loop(dataset), measure_precision(dataset), measure_teacher(dataset)]
    sys.exit(int(not all(holds)))


def measure_loop(dataset: FaceDataset) -> bool:
    """Time epochs with all callbacks and of the bare `model.fit`, alternating, on one model."""
    config = TrainConfig(dataset=NAME)
    training, validation = make_batches(config, dataset)
    run = create_run(config, dataset.fingerprint)
    model = compiled_model(config)
    setup = EpochSetup(training, config.seed)
    saved = RunCheckpoint(run, config, TrainingCheckpoint([]))
    csv_logger = keras.callbacks.CSVLogger(run.history_path, append=True)
    progress = Progress(run, config, dataset, len(training), lambda fraction: None)
    arrays, validation_arrays = in_memory(training), in_memory(validation)

    def ours() -> None:
        epoch = len(saved.checkpoint.history)
        model.fit(
            training,
            validation_data=validation,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[KeepHeaps(), setup, *epoch_callbacks(config), saved, csv_logger, progress],
        )

    def bare() -> None:
        model.fit(
            *arrays,
            batch_size=config.batch_size,
            validation_data=validation_arrays,
            validation_batch_size=len(validation_arrays[0]),
            shuffle=False,
            verbose=0,
        )

    ratio = speedup("bare model.fit", bare, "ours", ours, FACES)
    return check_bounds("ratio", ratio, at_least=MIN_RATIO)


def measure_precision(dataset: FaceDataset) -> bool:
    """Time `model.fit` in both precisions, alternating, where the CPU has bfloat16."""
    if not has_bfloat16():
        print("mixed_bfloat16: not measured, this CPU does not compute in it")
        return True
    single, mixed = (
        fit_epoch(TrainConfig(dataset=NAME, precision=precision), dataset, PRECISION_FACES)
        for precision in ("float32", "mixed_bfloat16")
    )
    ratio = speedup("float32", single, "mixed_bfloat16", mixed, PRECISION_FACES)
    return check_bounds("ratio", ratio, at_least=1)


def measure_teacher(dataset: FaceDataset) -> bool:
    """Time epochs over augmented batches with a teacher and without one, alternating."""
    configs = [TrainConfig(dataset=NAME, teacher=name) for name in ("none", "custom_cnn")]
    models = [compiled_model(config) for config in configs]
    all_batches = [make_batches(config, dataset, load_teacher(config))[0] for config in configs]

    def epoch(number: int) -> Work:
        model, batches = models[number], all_batches[number]
        return lambda: model.fit(batches, shuffle=False, verbose=0, callbacks=[KeepHeaps()])

    ratio = speedup("with a teacher", epoch(1), "without one", epoch(0), FACES)
    return check_bounds("ratio", ratio, at_most=MAX_TEACHER_RATIO)


if __name__ == "__main__":
    main()
