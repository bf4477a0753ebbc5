"""Workspaces with many models, evaluated on noise, with metrics as if they had been trained."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.synthetic import write_history, write_noise_dataset

from models import ARCHITECTURES
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.evaluation.metrics import accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, save_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Notes, Run, Speed, create_run
from pipeline.storage import write_json

FACES = 7_178
MANY = 200
SEEDS = 4


@dataclass(frozen=True)
class Models:
    """Models in a workspace of their own.

    Args:
        workspace: its folder.
        titles: name → display name, the newest first.
        others: names of two models of other faces, to open first.
    """

    workspace: Path
    titles: dict[str, str]
    others: list[str]


def write_models(workspace: Path, n: int) -> Models:
    """Write a workspace with n models of a large data set, and two of a small one."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    small = write_noise_dataset("small", train=70, test=70)
    large = write_noise_dataset("benchmark", train=5_000, test=FACES)
    others = [write_model(small, index).name for index in range(2)]
    written = {write_model(large, index).name: f"model {index:03}" for index in range(n)}
    return Models(workspace, dict(sorted(written.items(), reverse=True)), others)


def write_model(dataset: FaceDataset, index: int) -> Run:
    """Write a finished run with predictions.

    Every second one has a measured speed; four in a row differ in nothing but their seed.
    """
    fields = {
        "dataset": dataset.name,
        "architecture": list(ARCHITECTURES)[index // SEEDS % len(ARCHITECTURES)],
        "epochs": 40 + index // SEEDS,
        "seed": index % SEEDS,
    }
    notes = Notes(name=f"model {index:03}")
    run = create_run(TrainConfig.model_validate(fields), dataset.fingerprint, notes=notes)
    run.openvino_path.parent.mkdir()
    run.openvino_path.touch()
    run.openvino_path.with_suffix(".bin").write_bytes(bytes(1000 + 100 * index))
    run.update_status(state="finished", parameters=1_000_000 + 10_000 * index)
    if index % 2 == 0:
        run.write_speed(_speed(1.0 + 0.1 * index))
    write_history(run, index)
    _write_predictions(run, dataset, index)
    return run


def _speed(ms: float) -> Speed:
    return Speed(
        ms=ms, p95_ms=2 * ms, threads=2, precision="default", processor="", measured="2026-01-01"
    )


def _write_predictions(run: Run, dataset: FaceDataset, index: int) -> None:
    """Store probabilities that favor the label a little, of later models more, and metrics."""
    indices = dataset.indices("test")
    labels = dataset.labels[indices]
    noise = np.random.default_rng(index).normal(size=(len(labels), len(EMOTIONS)))
    scores = np.exp(noise + (1 + index / MANY) * np.eye(len(EMOTIONS))[labels])
    predictions = Predictions(
        model=run.name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        split="test",
        ids=dataset.ids[indices],
        y_true=labels,
        probabilities=(scores / scores.sum(axis=1, keepdims=True)).astype(np.float32),
    )
    folder = run.evaluation_path(dataset.fingerprint, "test")
    save_predictions(predictions, folder)
    interval = {"accuracy_interval": accuracy_interval(predictions)}
    write_json(folder / "metrics.json", {**compute_metrics(predictions).summary(), **interval})
