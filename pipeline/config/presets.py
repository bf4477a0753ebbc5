"""Named configurations to start from, with the time and accuracy that were measured with them.

A preset says all of a configuration but its data set and exclusion lists. Loads no keras.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config.train_config import TrainConfig
from pipeline.data.store import dataset_info, is_synthetic
from pipeline.errors import UserError


@dataclass(frozen=True)
class Preset:
    """A configuration to start from.

    Args:
        label: its name for people.
        summary: what it is for, a sentence.
        measured: its time on 2 processor cores and its accuracy by data set, as
            benchmarks/RESULTS.md has them, a sentence.
        fields: fields of TrainConfig, nested as it takes them; the others are at their defaults.
    """

    label: str
    summary: str
    measured: str
    fields: Mapping[str, Any]


def _transfer(architecture: str, input_size: int) -> dict[str, Any]:
    """Return the fields of both transfer presets: two phases, the second at a tenth of the rate."""
    return {
        "architecture": architecture,
        "model": {
            "weights": "imagenet",
            "input_size": input_size,
            "trainable_share": 0.5,
            "head_epochs": 2,
            "head_learning_rate": 1e-3,
            "dropout": 0.3,
        },
        "epochs": 6,
        "learning_rate": 1e-4,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "early_stopping_patience": 3,
    }


_LONG: Mapping[str, Any] = {
    "architecture": "custom_cnn",
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "schedule": "cosine",
    "warmup_epochs": 1,
    "early_stopping_patience": 0,
    "precision": "mixed_bfloat16",
}
"""What both long recipes of the custom CNN have in common."""

PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        "Quick",
        "A small network, to see a whole training soon.",
        "Sample: under 1 min, 80% to 90%. FER-2013: 8 min, 57.6%.",
        {
            "architecture": "custom_cnn",
            "model": {"widths": (16, 32, 64, 128), "convolutions": 1},
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 0.003,
            "schedule": "cosine",
            "warmup_epochs": 1,
        },
    ),
    "balanced": Preset(
        "Balanced",
        "The default network with a long schedule.",
        "FER-2013: 1 h 17 min, 66.7%.",
        {
            **_LONG,
            "model": {"dropout": 0.4},
            "epochs": 36,
            "weight_decay": 5e-4,
            "label_smoothing": 0.1,
            "augmentation": {"rotation": 12, "zoom": 0.15, "shift": 0.1, "erasing": 0.2},
            "seed": 1,
        },
    ),
    "best": Preset(
        "Best",
        "The recipe of the bundled custom_cnn, with that model as the teacher.",
        "FER-2013: 2 h 14 min for 69 of its 78 epochs, 69.3% with another teacher; with this one "
        "not measured.",
        {
            **_LONG,
            "model": {"widths": (16, 64, 128, 256), "dropout": 0.3},
            "epochs": 78,
            "weight_decay": 3e-3,
            "teacher": "custom_cnn",
            "distillation_weight": 0.6,
            "augmentation": {"rotation": 12, "zoom": 0.15, "shift": 0.1, "erasing": 0.15},
            "seed": 2,
        },
    ),
    "transfer-resnet50v2": Preset(
        "Transfer learning (ResNet50V2)",
        "Fine-tunes a large network from its ImageNet weights, which Keras downloads.",
        "FER-2013: at most 1 h 50 min; accuracy not measured, for lack of ImageNet weights.",
        _transfer("resnet50v2", input_size=64),
    ),
    "transfer-vgg16": Preset(
        "Transfer learning (VGG16)",
        "The same with a plainer and slower network.",
        "FER-2013: at most 3 h; accuracy not measured, for lack of ImageNet weights.",
        _transfer("vgg16", input_size=48),
    ),
}
"""Name → preset, in the order of the form."""


def preset_fields(name: str, dataset: str | None) -> dict[str, Any]:
    """Return a preset's fields for a data set.

    On synthetic faces there is no teacher: the bundled models learned from photos.

    Args:
        name: one of `PRESETS`.
        dataset: the data set's name; None if it is not known yet.

    Raises:
        UserError: there is no such preset, or no such data set.
    """
    if name not in PRESETS:
        raise UserError(f"Unknown preset '{name}'. Choose from: {', '.join(PRESETS)}.")
    fields = dict(PRESETS[name].fields)
    if dataset is None:
        return fields
    if is_synthetic(dataset_info(dataset).fingerprint):
        fields.pop("teacher", None)
        fields.pop("distillation_weight", None)
    return fields | {"dataset": dataset}


def preset_config(name: str, dataset: str) -> TrainConfig:
    """Return a preset's configuration on a data set.

    Raises:
        UserError: see `preset_fields`.
    """
    return TrainConfig.model_validate(preset_fields(name, dataset))
