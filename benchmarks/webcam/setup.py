"""The workspace with a model and the webcam clips that every part of `live.py` needs."""

import os
from dataclasses import dataclass
from pathlib import Path

from support.commands import run_pipeline
from support.server import Server
from support.synthetic import write_noise_dataset
from webcam.clip import FOUR_FACES, ONE_FACE, write_clip

from pipeline.runs import list_runs

NAME = "benchmark"
NETWORK = "--architecture resnet50v2 --weights none --input-size 224 --epochs 1 --batch-size 16"
FACES = 32


@dataclass(frozen=True)
class Setup:
    """A workspace with a model, the model's name, and the webcam clips."""

    workspace: Path
    model: str
    one_face: Path
    four_faces: Path

    def live_address(self, server: Server) -> str:
        """Return where the dashboard shows the model live."""
        return f"{server.url}/live?live_model={self.model}"


def prepare(workspace: Path) -> Setup:
    """Train a network on a little noise, as its weights do not matter, and quantize it."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    write_noise_dataset(NAME, train=FACES, test=FACES)
    run_pipeline("train", "--dataset", NAME, *NETWORK.split(), "--no-finish")
    (run,) = list_runs()
    run_pipeline("export", run.name, "--int8")
    return Setup(
        workspace,
        run.name,
        write_clip(workspace / "one.mjpeg", ONE_FACE),
        write_clip(workspace / "four.mjpeg", FOUR_FACES),
    )
