"""Damaged files give a sentence or what can be read of them, and never another exception.

EMOTION_FUZZ_S is how many seconds all of it may take (`make fuzz`: 600) in place of a number of
rounds, EMOTION_FUZZ_SEED where it begins.
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.config.options import build_config, read_fields
from pipeline.config.train_config import TrainConfig
from pipeline.data.audit import audit, load_audit, save_audit
from pipeline.data.exclusions import exclude, load_exclusions
from pipeline.data.images import ImageError, decode_color, decode_gray
from pipeline.data.importing import import_dataset
from pipeline.data.statistics import statistics
from pipeline.data.store import dataset_names, load_dataset, remove_dataset
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions
from pipeline.queue import settings
from pipeline.runs import Calibration, Notes, Run, RunTable, Speed, create_run, find_model
from pipeline.runs.damage import damages
from pipeline.runs.history import best_row, training_seconds, write_history
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import dataset_folder, runs_folder, workspace
from tests.data.dataset_makers import noise, store_faces
from tests.data.source_makers import (
    csv_text,
    image_file,
    noise_file,
    row,
    write_tar,
    write_zip,
)
from tests.evaluation.makers import store_evaluation
from tests.fuzz.mutate import mutate

SECONDS = float(os.environ.get("EMOTION_FUZZ_S", "0"))
ROUNDS = 400
SEED = int(os.environ.get("EMOTION_FUZZ_SEED", "2013"))


class Target(NamedTuple):
    """A file, and what reads it."""

    path: Path
    read: Callable[[], object]


def fuzz(targets: dict[str, Target], rounds: int = ROUNDS) -> None:
    """Damage each file in turn and read it; at the end of each try it is whole again."""
    whole = {name: target.path.read_bytes() for name, target in targets.items()}
    until, seed = time.monotonic() + SECONDS / 3, SEED
    while time.monotonic() < until if SECONDS else seed < SEED + rounds:
        for name, (path, read) in targets.items():
            path.write_bytes(mutate(whole[name], random.Random(f"{name} {seed}")))
            try:
                with suppress(UserError, ImageError):
                    read()
            except BaseException as error:
                damaged = Path(tempfile.gettempdir()) / f"fuzz-{name}-{seed}{path.suffix}"
                shutil.copy(path, damaged)
                raise AssertionError(f"{name}, EMOTION_FUZZ_SEED={seed}: {error!r}") from error
            path.write_bytes(whole[name])
        seed += 1


@pytest.mark.slow
def test_damaged_files_of_the_workspace(empty_workspace):
    faces = store_faces([noise(i) for i in range(14)], [*range(7)] * 2, ["train", "test"] * 7)
    exclude(faces, "dark", {faces.ids[0]: "too dark"})
    save_audit(faces, audit(faces))
    run = create_run(TrainConfig(dataset="faces"), faces.fingerprint)
    run.write_notes(Notes(name="wide", note="n", tags=("a",), experiment="e"))
    metrics = {"accuracy": 0.5, "learning_rate": 0.1, "loss": 1.0, "macro_f1": 0.5, "seconds": 2.0}
    rows = [
        {"epoch": epoch, **metrics, "val_accuracy": 0.5, "val_loss": 1.0, "val_macro_f1": 0.4}
        for epoch in range(3)
    ]
    write_history(run.history_path, rows)
    weights = [np.zeros(3, np.float32)]
    TrainingCheckpoint(rows, weights, weights, weights).write(run)
    run.write_speed(
        Speed(ms=1, p95_ms=2, threads=2, precision="f32", processor="x", measured="2026-01-01")
    )
    run.write_calibration(
        Calibration(temperature=1.5, dataset="faces", fingerprint="f", split="test", faces=3)
    )
    store_evaluation(run, faces)
    (evaluation,) = run.evaluation_paths()
    settings.set_max_parallel_runs(2)
    folder, table = dataset_folder("faces"), RunTable()

    def read_run() -> None:
        history = run.history()
        best_row(history, "val_accuracy")
        training_seconds(history, run.log_path)
        assert (history["epoch"] >= 0).all()
        for each in table.rows():
            assert each.title.encode() and each.state
        list(damages(Run(run.path)))

    targets = {
        "history": Target(run.history_path, read_run),
        "status": Target(run.status_path, read_run),
        "notes": Target(run.notes_path, read_run),
        "config": Target(run.config_path, lambda: (read_run(), run.config())),
        "fields": Target(run.config_path, lambda: build_config(read_fields(run.config_path), {})),
        "calibration": Target(run.calibration_path, run.calibration),
        "speed": Target(run.speed_path, run.speed),
        "checkpoint": Target(run.checkpoint_path, lambda: TrainingCheckpoint.load(run)),
        "predictions": Target(
            evaluation / "predictions.npz", lambda: load_predictions(run, evaluation)
        ),
        "queue": Target(workspace() / "queue.json", settings.max_parallel_runs),
        "meta": Target(folder / "meta.json", lambda: load_dataset("faces")),
        "index": Target(folder / "index.parquet", lambda: load_dataset("faces")),
        "images": Target(folder / "images.npy", lambda: load_dataset("faces")),
        "statistics": Target(folder / "statistics.npz", lambda: statistics(faces)),
        "audit": Target(folder / "audit.npz", lambda: load_audit(faces)),
        "exclusions": Target(
            folder / "exclusions" / "dark.csv", lambda: load_exclusions("faces", "dark")
        ),
    }
    fuzz(targets)


@pytest.mark.slow
def test_damaged_sources_of_an_import(tmp_path):
    text = csv_text(*(row(emotion) for emotion in range(7)))
    images = {f"train/{name}/{i}.png": noise_file(i) for i, name in enumerate(("happy", "sad"))}
    (tmp_path / "a.csv").write_text(text)
    sources = {
        "csv": tmp_path / "a.csv",
        "zip": write_zip(tmp_path / "a.zip", images),
        "csv in zip": write_zip(tmp_path / "b.zip", {"fer2013.csv": text.encode()}),
        "tar": write_tar(tmp_path / "a.tar", images, "w"),
        "tar.gz": write_tar(tmp_path / "a.tar.gz", {"fer2013.csv": text.encode()}),
    }

    def run_import(source: Path) -> None:
        try:
            import_dataset(source, "fuzzed")
        finally:
            for name in dataset_names():
                remove_dataset(name)

    def decoder(path: Path) -> Callable[[], object]:
        return lambda: [decode(path.read_bytes()) for decode in (decode_gray, decode_color)]

    def reader(source: Path) -> Callable[[], None]:
        return lambda: run_import(source)

    targets = {name: Target(source, reader(source)) for name, source in sources.items()}
    for suffix in (".png", ".jpg", ".webp", ".tiff", ".bmp"):
        path = tmp_path / f"image{suffix}"
        path.write_bytes(image_file(suffix=suffix))
        targets[f"image{suffix}"] = Target(
            path,
            lambda path=path: [read(path.read_bytes()) for read in (decode_gray, decode_color)],
        )
    fuzz(targets)


@pytest.mark.slow
def test_damaged_exported_models(empty_workspace):
    model = Run(runs_folder() / "copied")
    shutil.copytree(find_model("custom_cnn").path, model.path)
    weights = model.openvino_path.with_suffix(".bin")
    fuzz(
        {
            "xml": Target(model.openvino_path, lambda: Recognizer.load(model)),
            "bin": Target(weights, lambda: Recognizer.load(model)),
        },
        rounds=10,  # each try is a process of its own
    )
