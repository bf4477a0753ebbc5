"""The files of deploy/, as far as they can be tried without Docker."""

import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.installation import NO_TENSORFLOW, TRAINING_MODULES
from pipeline.workspace import PROJECT

TRAINING_ROOTS = {"tensorflow", "keras", "nncf"}


def needed_by(packages: set[str]) -> set[str]:
    """Return packages and all that they need here, also what needs it indirectly."""
    found: set[str] = set()
    left = list(packages)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            given = map(Requirement, requires(name) or ())
            left += [
                canonicalize_name(each.name)
                for each in given
                if each.marker is None or each.marker.evaluate({"extra": ""})
            ]
    return found


def test_the_image_without_tensorflow_leaves_out_what_training_alone_needs():
    project = needed_by({"emotion-detector"})
    direct = {canonicalize_name(Requirement(each).name) for each in direct_requirements()}
    without = needed_by(direct - TRAINING_ROOTS)
    listed = (PROJECT / "deploy" / "training-packages.txt").read_text().split()
    assert set(listed) == project - without - {"emotion-detector"}


def direct_requirements() -> list[str]:
    return [each for each in requires("emotion-detector") or () if "extra ==" not in each]


@pytest.mark.slow
def test_without_tensorflow_training_is_refused_in_one_sentence(empty_workspace, tmp_path):
    # A module that cannot be found stands before the installed one.
    hide = f"""
import importlib.abc, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {TRAINING_MODULES!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
    (tmp_path / "sitecustomize.py").write_text(hide)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *command],
            capture_output=True,
            text=True,
            env=environment,
            cwd=PROJECT,
        )

    photo = Path("dashboard/views/live/examples/two.jpg")
    assert run("import", "sample", "--name", "sample").returncode == 0
    assert run("predict", "custom_cnn", str(photo)).returncode == 0
    for command in ("train --dataset sample --preset quick", "estimate --dataset sample"):
        refused = run(*command.split())
        assert (refused.returncode, refused.stderr.strip()) == (1, NO_TENSORFLOW), command
    assert not list(empty_workspace.glob("runs/*")), "no run is left behind"


def test_compose_does_not_start_with_an_empty_name_address_or_secret():
    text = (PROJECT / "deploy" / "compose.yaml").read_text()
    required = set(re.findall(r"\$\{(\w+):\?[^}]+\}", text))
    assert required == {"HOST", "TURN_IP", "TURN_SECRET", "COOKIE_SECRET"}
    optional = set(re.findall(r"\$\{(\w+):-[^}]+\}", text))
    assert set(re.findall(r"\$\{(\w+)", text)) == required | optional
    example = (PROJECT / "deploy" / ".env.example").read_text()
    assert set(re.findall(r"^#? ?(\w+)=", example, re.MULTILINE)) == required | optional
