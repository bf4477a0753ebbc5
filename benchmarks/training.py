"""How fast a training is beside a bare `model.fit`, and what bfloat16 gains.

Run: python benchmarks/training.py [FER-2013 as CSV or TAR.GZ]     without one, drawn faces are used

Claims, on 2 cores that do nothing else, with the default custom CNN:
- Images per second with augmentation, state and status are at least 95 % of those of `model.fit`
  on the same model and the same batches, augmented before and held in memory.
- `mixed_bfloat16` is faster than `float32` where the processor computes in it.
"""

import sys

from fits import FACES, NAME, compare, compiled, fitting, has_bfloat16, imported, in_memory, told

from pipeline.data.dataset import FaceDataset
from pipeline.runs import create_run
from pipeline.training.batches import make_batches
from pipeline.training.callbacks import Keeper, Progress
from pipeline.training.config import TrainConfig
from pipeline.training.state import TrainingState

PRECISION_FACES = 960
LEAST_SHARE = 0.95


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    with imported() as dataset:
        kept = [measure_loop(dataset), measure_precision(dataset)]
    sys.exit(int(not all(kept)))


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


if __name__ == "__main__":
    main()
