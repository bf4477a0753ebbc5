"""How much sooner `models.processor` has trained a step than Keras' own layers.

Run: python benchmarks/layers.py [FER-2013 as CSV or TAR.GZ]     without one, drawn faces are used

Claim, on 2 cores that do nothing else: a step of the default custom CNN and of ResNet50V2 at 48
pixels takes less time, in the fastest precision that the processor has.
"""

import sys
from unittest import mock

from fits import NAME, compare, fitting, has_bfloat16, imported, told

from pipeline.data.dataset import FaceDataset
from pipeline.training.config import TrainConfig

FACES = 512


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    with imported() as dataset:
        kept = measure_layers(dataset)
    sys.exit(int(not all(kept)))


def measure_layers(dataset: FaceDataset) -> list[bool]:
    """Time `model.fit` with Keras' own layers and with quick ones by turns."""
    precision = "mixed_bfloat16" if has_bfloat16() else "float32"
    resnet = {"weights": "none", "input_size": 48}
    kept = []
    for fields in ({}, {"architecture": "resnet50v2", "model": resnet, "batch_size": 128}):
        config = TrainConfig(dataset=NAME, precision=precision, **fields)
        with mock.patch("pipeline.training.trainer.quicken"):
            usual = fitting(config, dataset, FACES)
        quick = fitting(config, dataset, FACES)
        name = f"quick {config.architecture}"
        gain = compare("Keras' layers", usual, name, quick, FACES)
        kept.append(told(gain > 1, "more than 1"))
    return kept


if __name__ == "__main__":
    main()
