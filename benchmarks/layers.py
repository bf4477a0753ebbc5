"""Speed of a training step with `models.cpu_ops` and with Keras' own operations.

Run: python benchmarks/layers.py [FER-2013 as CSV or TAR.GZ]     without one, synthetic faces

Claim, on 2 idle cores: steps of the default custom CNN and of ResNet50V2 at 48 pixels are faster,
in the fastest precision of the CPU.
"""

import sys
from unittest import mock

from support.claims import check_bounds
from support.model_fit import NAME, few_faces, fit_epoch, has_bfloat16, speedup

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset

FACES = 512


def main() -> None:
    """Print the measurements; exit 1 if the claim does not hold."""
    with few_faces() as dataset:
        holds = measure_operations(dataset)
    sys.exit(int(not all(holds)))


def measure_operations(dataset: FaceDataset) -> list[bool]:
    """Time `model.fit` with Keras' own and with faster operations, alternating."""
    precision = "mixed_bfloat16" if has_bfloat16() else "float32"
    resnet = {"weights": "none", "input_size": 48}
    holds = []
    for fields in ({}, {"architecture": "resnet50v2", "model": resnet, "batch_size": 128}):
        config = TrainConfig(dataset=NAME, precision=precision, **fields)
        with mock.patch("pipeline.training.trainer.optimize_for_cpu"):
            own = fit_epoch(config, dataset, FACES)
        fast = fit_epoch(config, dataset, FACES)
        ratio = speedup("Keras' operations", own, f"fast {config.architecture}", fast, FACES)
        holds.append(check_bounds("ratio", ratio, at_least=1))
    return holds


if __name__ == "__main__":
    main()
