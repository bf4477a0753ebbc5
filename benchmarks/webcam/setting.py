"""What every part of the Live page's benchmark needs: a workspace with a model, and films."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from judged_models import write_faces
from webcam.clip import FOUR_FACES, ONE_FACE, write_clip
from webcam.served import Server

from pipeline.runs import list_runs

NAME = "benchmark"
NETWORK = "--architecture resnet50v2 --weights none --input-size 224 --epochs 1 --batch-size 16"
FACES = 32


@dataclass(frozen=True)
class Setting:
    """What all parts need: a workspace with a model, its name, and the films."""

    workspace: Path
    model: str
    one_face: Path
    four_faces: Path

    def address(self, server: Server) -> str:
        """Return where the dashboard shows the model live."""
        return f"{server.url}/live?live_model={self.model}"


def prepare(workspace: Path) -> Setting:
    """Train a network on noise for a moment, which sets no speed, quantise it, write the films."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    write_faces(NAME, FACES, FACES)
    run_pipeline("train", "--dataset", NAME, *NETWORK.split(), "--no-finish")
    (run,) = list_runs()
    run_pipeline("export", run.name, "--int8")
    return Setting(
        workspace,
        run.name,
        write_clip(workspace / "one.mjpeg", ONE_FACE),
        write_clip(workspace / "four.mjpeg", FOUR_FACES),
    )


def run_pipeline(*arguments: str) -> None:
    """Run a command of the project, silently if it succeeds."""
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
