"""The workspace, models and webcam clips of `live.py`, each made when it is first needed."""

import os
import shutil
from functools import cached_property
from pathlib import Path

from support.commands import run_pipeline
from support.server import Server
from support.synthetic import write_noise_dataset
from webcam.clip import FOUR_FACES, ONE_FACE, TWO_FACES, write_clip

from pipeline.registry.ensemble import make_ensemble
from pipeline.runs import Run, find_model, list_runs
from pipeline.workspace import runs_folder

NAME = "benchmark"
NETWORK = "--architecture resnet50v2 --weights none --input-size 224 --epochs 1 --batch-size 16"
FACES = 32
TRAINED_BESIDE = "trained-beside"
VIEWERS = 4


class Setup:
    """A new workspace.

    Args:
        workspace: an empty folder.
    """

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        os.environ["EMOTION_WORKSPACE"] = str(workspace)
        os.environ["EMOTION_VIEWERS"] = str(VIEWERS)

    @cached_property
    def model(self) -> str:
        """A network that learned a little noise, as its weights do not matter, in int8."""
        before = {run.name for run in list_runs()}
        write_noise_dataset(NAME, train=FACES, test=FACES)
        run_pipeline("train", "--dataset", NAME, *NETWORK.split(), "--no-finish")
        (name,) = {run.name for run in list_runs()} - before
        run_pipeline("export", name, "--int8")
        return name

    @cached_property
    def ensemble(self) -> str:
        """An ensemble of `custom_cnn` and three copies of it."""
        original = find_model("custom_cnn")
        copies = [runs_folder() / f"copy{number}" for number in range(1, 4)]
        for copy in copies:
            shutil.copytree(original.path, copy)
        return make_ensemble("four-of-custom_cnn", [original, *map(Run, copies)]).name

    @cached_property
    def one_face(self) -> Path:
        """A clip of one face."""
        return write_clip(self.workspace / "one.mjpeg", ONE_FACE)

    @cached_property
    def two_faces(self) -> Path:
        """A clip of two faces."""
        return write_clip(self.workspace / "two.mjpeg", TWO_FACES)

    @cached_property
    def four_faces(self) -> Path:
        """A clip of four faces."""
        return write_clip(self.workspace / "four.mjpeg", FOUR_FACES)

    def write_training_data(self) -> None:
        """Write a data set whose epochs take about as long as those of a real one's tenth."""
        write_noise_dataset(TRAINED_BESIDE, train=3000, test=300)

    def live_address(self, server: Server, model: str = "") -> str:
        """Return where the dashboard shows a model live, `self.model` if none is given."""
        return f"{server.url}/live?live_model={model or self.model}"
