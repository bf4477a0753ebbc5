"""The recipe "a new architecture" of docs/architecture.md, followed in a copy of `models/`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

TINY = """\
from pydantic import Field

from models.layers import Architecture, classifier, gray_input


class TinyCNN(Architecture):
    width: int = Field(4, ge=1, le=64, description="channels of the only convolution")

    def build(self):
        import keras

        inputs = gray_input()
        x = keras.layers.Rescaling(1 / 255)(inputs)
        return classifier(inputs, keras.layers.Conv2D(self.width, 3, strides=4)(x), dropout=0)
"""

TRY = """\
import sys

from dashboard.views.train.fields import choices, form_fields
from models import ARCHITECTURES
from pipeline import cli
from pipeline.runs import find_model, list_runs

architecture, width = form_fields(["architecture", "model"], {"architecture": "tiny_cnn"})
assert choices(architecture, {}) == tuple(ARCHITECTURES) and "tiny_cnn" in ARCHITECTURES
assert (width.label, width.bounds) == ("Width", (1, 64))
assert "keras" not in sys.modules

train = "train --dataset sample --architecture tiny_cnn --width 2 --epochs 1 --batch-size 512"
for command in ("import sample --name sample", train):
    sys.argv = ["emotion", *command.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, command
(run,) = list_runs()
assert run.config().train.model.width == 2 and run.state() == "finished"
assert find_model(run.name).exported and run.evaluation_paths()
"""


@pytest.mark.slow
def test_a_new_architecture_is_a_file_and_a_line_in_architectures(tmp_path, empty_workspace):
    package = tmp_path / "models"
    package.mkdir()
    for source in (PROJECT / "models").glob("*.py"):
        shutil.copy(source, package)
    (package / "tiny_cnn.py").write_text(TINY)
    registry = package / "__init__.py"
    lines = registry.read_text().replace(
        '    "resnet50v2": ResNet50V2,\n',
        '    "resnet50v2": ResNet50V2,\n    "tiny_cnn": TinyCNN,\n',
    )
    registry.write_text(f"from models.tiny_cnn import TinyCNN\n{lines}")

    done = subprocess.run(
        [sys.executable, "-c", TRY],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
