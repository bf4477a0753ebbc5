"""Data sets of noise, and learning curves as if a run had been trained."""

import numpy as np

from pipeline.data.dataset import Batch, FaceDataset
from pipeline.data.store import load_dataset, new_dataset
from pipeline.labels import EMOTIONS
from pipeline.runs import Run

EPOCHS = 40
METRICS = ("accuracy", "loss", "val_accuracy", "val_loss", "val_macro_f1")


def write_noise_dataset(name: str, *, train: int = 0, test: int = 0) -> FaceDataset:
    """Write a data set of noise images, no two alike, with as many of each emotion."""
    n = train + test
    images = np.random.default_rng(n).integers(0, 256, (n, 48, 48), dtype=np.uint8)
    labels = (np.arange(n) % len(EMOTIONS)).astype(np.uint8)
    splits = np.where(np.arange(n) < test, "test", "train")
    ids = np.array([f"noise{i:07}" for i in range(n)])
    with new_dataset(name) as writer:
        writer.append(Batch(images, labels, splits, ids, 1.0))
        writer.finish(name, "noise", 0, None)
    return load_dataset(name)


def write_history(run: Run, seed: int) -> None:
    """Write the history of 40 epochs whose metrics rise unevenly."""
    accuracy = np.cumsum(np.random.default_rng(seed).random(EPOCHS)) / EPOCHS
    rows = [
        ",".join([str(epoch), *[f"{a:.6f}"] * len(METRICS)]) for epoch, a in enumerate(accuracy)
    ]
    run.history_path.write_text("\n".join([f"epoch,{','.join(METRICS)}", *rows]) + "\n")
