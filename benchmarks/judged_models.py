"""Models that were judged on faces of noise, with figures as if they had been trained."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from train_page import write_history

from models import ARCHITECTURES
from pipeline.data.dataset import Batch, FaceDataset
from pipeline.data.store import load_dataset, new_dataset
from pipeline.evaluation.metrics import accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, save_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Notes, Run, Speed, create_run
from pipeline.training.config import TrainConfig
from pipeline.workspace import write_json

NAME = "benchmark"
FACES = 7_178
TRAINED_ON = 5_000
MANY = 200
SMALL = "small"
SEEDS = 4


@dataclass(frozen=True)
class Models:
    """Models in a workspace of their own.

    Args:
        workspace: its folder.
        titles: name → what it is called, the newest first.
        others: names of two on other faces, to open first.
    """

    workspace: Path
    titles: dict[str, str]
    others: list[str]


def write_models(workspace: Path, n: int) -> Models:
    """Write a workspace with so many models of a data set, and two of a small one."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    small, large = write_faces(SMALL, 70, 70), write_faces(NAME, FACES, TRAINED_ON)
    others = [write_model(small, number).name for number in range(2)]
    written = {write_model(large, number).name: f"model {number:03}" for number in range(n)}
    return Models(workspace, dict(sorted(written.items(), reverse=True)), others)


def write_faces(name: str, faces: int, trained_on: int) -> FaceDataset:
    """Write a data set of noise, no two faces alike: so many to judge on, the others to train."""
    n = faces + trained_on
    images = np.random.default_rng(n).integers(0, 256, (n, 48, 48), dtype=np.uint8)
    labels = (np.arange(n) % len(EMOTIONS)).astype(np.uint8)
    splits = np.where(np.arange(n) < faces, "test", "train")
    ids = np.array([f"noise{i:07}" for i in range(n)])
    with new_dataset(name) as writer:
        writer.append(Batch(images, labels, splits, ids, 1.0))
        writer.finish(name, "noise", 0, None)
    return load_dataset(name)


def write_model(dataset: FaceDataset, number: int) -> Run:
    """Write a finished run and what it said; every second one has a time, some just other seeds."""
    fields = {
        "dataset": dataset.name,
        "architecture": list(ARCHITECTURES)[number // SEEDS % len(ARCHITECTURES)],
        "epochs": 40 + number // SEEDS,
        "seed": number % SEEDS,
    }
    notes = Notes(name=f"model {number:03}")
    run = create_run(TrainConfig.model_validate(fields), dataset.fingerprint, notes=notes)
    run.openvino_path.parent.mkdir()
    run.openvino_path.touch()
    run.openvino_path.with_suffix(".bin").write_bytes(bytes(1000 + 100 * number))
    run.update_status(state="finished", parameters=1_000_000 + 10_000 * number)
    if number % 2 == 0:
        run.write_speed(speed(1.0 + 0.1 * number))
    write_history(run, number)
    write_predictions(run, dataset, number)
    return run


def speed(ms: float) -> Speed:
    """Return a time of a face, as if it had been measured."""
    return Speed(
        ms=ms, p95_ms=2 * ms, threads=2, precision="default", processor="", measured="2026-01-01"
    )


def write_predictions(run: Run, dataset: FaceDataset, number: int) -> None:
    """Store probabilities that favour the label a little, of later models more, and figures."""
    indices = dataset.indices("test")
    labels = dataset.labels[indices]
    logits = np.random.default_rng(number).normal(size=(len(labels), len(EMOTIONS)))
    powers = np.exp(logits + (1 + number / MANY) * np.eye(len(EMOTIONS))[labels])
    predictions = Predictions(
        model=run.name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        split="test",
        ids=dataset.ids[indices],
        y_true=labels,
        probabilities=(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32),
    )
    folder = run.evaluation_path(dataset.fingerprint, "test")
    save_predictions(predictions, folder)
    interval = {"accuracy_interval": accuracy_interval(predictions)}
    write_json(folder / "metrics.json", {**compute_metrics(predictions).summary(), **interval})
