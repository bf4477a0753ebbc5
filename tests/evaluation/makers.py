"""Small data sets, runs and predictions made from random numbers."""

import numpy as np
import pandas as pd

from pipeline.config.train_config import TrainConfig
from pipeline.data import store
from pipeline.data.dataset import Batch, FaceDataset
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import Predictions, save_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, RunConfig, Status, create_run
from pipeline.runs.records import EnsembleMembers
from pipeline.storage import write_json
from pipeline.workspace import runs_folder

FINGERPRINT = "0123456789ab" + 52 * "c"


def random_predictions(n=200, labels=range(7), seed=0, skill=1.0, **names) -> Predictions:
    """Probabilities that favor the label by `skill` logits; labels are sampled from `labels`."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice(list(labels), n).astype(np.uint8)
    logits = rng.normal(size=(n, len(EMOTIONS))) + skill * np.eye(len(EMOTIONS))[y_true]
    powers = np.exp(logits)
    return make_predictions(y_true, powers / powers.sum(axis=1, keepdims=True), **names)


def make_predictions(y_true, probabilities, ids=None, **names) -> Predictions:
    """Predictions with these numbers, and defaults for everything else."""
    defaults = {"model": "m", "dataset": "faces", "fingerprint": FINGERPRINT, "split": "test"}
    n = len(y_true)
    return Predictions(
        **{**defaults, **names},
        ids=np.array([f"f{i}" for i in range(n)], dtype="<U8") if ids is None else ids,
        y_true=np.asarray(y_true, np.uint8),
        probabilities=np.asarray(probabilities, np.float32),
    )


def all_correct(n: int) -> Predictions:
    """Return predictions without a mistake."""
    sampled = random_predictions(n)
    return make_predictions(sampled.predicted, sampled.probabilities)


def in_tenths(n=300, seed=0) -> Predictions:
    """Predictions whose probabilities are tenths, so that many are equal."""
    sampled = random_predictions(n, seed=seed)
    shares = sampled.probabilities.astype(np.float64)
    tenths = np.random.default_rng(seed).multinomial(10, shares / shares.sum(1, keepdims=True))
    return make_predictions(sampled.y_true, tenths / 10)


def one_hot(n=300, seed=0, skill=1.0) -> Predictions:
    """Predictions with probabilities 1 and 0 only."""
    sampled = random_predictions(n, seed=seed, skill=skill)
    return make_predictions(sampled.y_true, np.eye(len(EMOTIONS))[sampled.predicted])


KINDS_OF_PREDICTIONS = {
    "random": random_predictions(300, skill=2.0),
    "absent emotions": random_predictions(300, labels=(0, 3, 4)),
    "ties": in_tenths(),
    "all equal": make_predictions(range(7), np.full((7, 7), 1 / 7)),
    "one-hot": one_hot(),
    "one face": random_predictions(1),
}


def make_dataset(name="faces", n=140) -> FaceDataset:
    """Write a data set of noise into the workspace: half `train`, half `test`."""
    rng = np.random.default_rng(1)
    batch = Batch(
        images=rng.integers(0, 256, (n, 48, 48), dtype=np.uint8),
        labels=(np.arange(n) % len(EMOTIONS)).astype(np.uint8),
        splits=np.where(np.arange(n) < n // 2, "train", "test"),
        ids=np.array([f"f{i}" for i in range(n)]),
        progress=1.0,
    )
    with store.new_dataset(name) as writer:
        writer.append(batch)
        writer.finish(name, "noise", 0, None)
    return store.load_dataset(name)


def make_run(dataset: FaceDataset, split="test", seed=0, skill=1.0, evaluated=True) -> Run:
    """Make a finished run with a history, an empty model file and, if wanted, an evaluation."""
    run = create_run(TrainConfig.model_validate({"dataset": dataset.name}), dataset.fingerprint)
    run.openvino_path.parent.mkdir()
    run.openvino_path.touch()
    run.openvino_path.with_suffix(".bin").write_bytes(bytes(2_000_000))
    run.update_status(state="finished", parameters=1_200_000)
    columns = {"epoch": [0, 1], "loss": [2.0, 1.0], "val_loss": [2.1, 1.2]}
    accuracy = {"accuracy": [0.2, 0.5], "val_accuracy": [0.2, 0.4]}
    pd.DataFrame({**columns, **accuracy}).to_csv(run.history_path, index=False)
    if evaluated:
        store_evaluation(run, dataset, split, seed, skill)
    return run


def make_ensemble(name: str) -> Run:
    """Make the folder of an ensemble, which was not trained here."""
    run = Run(runs_folder() / name)
    run.path.mkdir(parents=True)
    members = EnsembleMembers(models=("a", "b"), weights=(0.5, 0.5), dataset="faces")
    run.write_config(RunConfig(kind="ensemble", ensemble=members, dataset_fingerprint="f" * 64))
    run.write_status(Status(state="finished"))
    return run


def store_evaluation(run: Run, dataset: FaceDataset, split="test", seed=0, skill=1.0) -> None:
    """Store random predictions of a split as the run's evaluation."""
    indices = dataset.indices(split)
    sampled = random_predictions(len(indices), seed=seed, skill=skill)
    labels = dataset.labels[indices]
    shifted = [
        np.roll(row, int(label) - int(old))
        for row, label, old in zip(sampled.probabilities, labels, sampled.y_true, strict=True)
    ]
    predictions = make_predictions(
        labels,
        np.stack(shifted),
        dataset.ids[indices],
        model=run.name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        split=split,
    )
    folder = run.evaluation_path(dataset.fingerprint, split)
    save_predictions(predictions, folder)
    write_json(folder / "metrics.json", compute_metrics(predictions).summary())
