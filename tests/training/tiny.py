"""Short trainings on a few synthetic faces: uninterrupted, stopped and resumed, and killed."""

import os
import signal
from contextlib import suppress
from pkgutil import resolve_name

import numpy as np

from pipeline.config.options import build_config
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.sample import draw_face
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, create_run
from pipeline.training.run_status import TrainingStopped, record_status

TINY = {"dataset": "tiny", "widths": "4", "convolutions": "1", "epochs": "2", "batch_size": "16"}


def tiny_faces() -> FaceDataset:
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(7, dtype=np.uint8), 8)
    return FaceDataset(
        "tiny",
        np.stack([draw_face(EMOTIONS[label], rng) for label in labels]),
        labels,
        np.array(["train"] * 42 + ["validation"] * 14),
        np.array([str(i) for i in range(56)]),
        None,
        "f" * 64,
    )


def tiny_config(**fields: str) -> TrainConfig:
    return build_config({}, {**TINY, **fields})


def new_run(config: TrainConfig) -> Run:
    return create_run(config, tiny_faces().fingerprint)


def continue_training(run: Run, faces: FaceDataset | None = None, *, stop: bool = False) -> None:
    """Continue a run's training to its end or, with `stop`, to the end of one epoch."""
    from pipeline.training.trainer import train
    from pipeline.vision.teacher import load_teacher

    with record_status(run, "queued", "stopped", "failed", "interrupted", "finished"):
        if stop:
            run.stop_path.touch()
        config = run.train_config()
        train(config, faces or tiny_faces(), run, teacher=load_teacher(config))


def fit(config: TrainConfig, faces: FaceDataset | None = None) -> Run:
    run = new_run(config)
    continue_training(run, faces)
    return run


def fit_in_pieces(config: TrainConfig) -> Run:
    """Train a run that is stopped after every epoch and resumed with a new model."""
    run = new_run(config)
    while not run.weights_path.is_file():
        with suppress(TrainingStopped):
            continue_training(run, stop=True)
    return run


def train_until_killed(run: Run, workspace: str, module: str, name: str, call: int) -> None:
    """Train a run in a process that kills itself as a function is called for the n-th time.

    Args:
        run: the run.
        workspace: the workspace's folder.
        module: module, and class where there is one, that the function is looked up in.
        name: the function's name.
        call: the call that kills, counted from 1.
    """
    os.environ["EMOTION_WORKSPACE"] = workspace
    owner = resolve_name(module)
    whole, calls = getattr(owner, name), iter(range(1, call + 1))

    def deadly(*arguments: object, **options: object) -> object:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*arguments, **options)

    setattr(owner, name, deadly)
    continue_training(run)
