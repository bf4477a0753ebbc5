"""Workspaces for the tests: an empty one for each, and one trained run that all share."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pylibsrtp  # noqa: F401  # crashes where TensorFlow was loaded first; the app holds never both
import pytest

from pipeline.runs import Run, list_runs

TRAIN = (
    "train --dataset sample --widths 8,16,32,64 --convolutions 1 --epochs 10 --batch-size 32 "
    "--learning-rate 0.005 --schedule cosine --seed 7"
)


def pytest_collection_finish() -> None:
    """Keep keras out of the process that pages are tested in, where it slows each run of a page.

    Tests import it inside.
    """
    assert "keras" not in sys.modules, "a test module imports keras: do it inside the tests"


def run_pipeline(command: str, workspace: Path, check: bool = True) -> subprocess.CompletedProcess:
    """Run `python -m pipeline COMMAND` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *command.split()],
        env={**os.environ, "EMOTION_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition holds, and fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def empty_workspace(tmp_path, monkeypatch) -> Path:
    """Give each test a workspace of its own with nothing in it."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """Train one small run on the drawn faces; shared, so only to be read."""
    workspace = tmp_path_factory.mktemp("trained")
    run_pipeline("import sample --name sample", workspace)
    run_pipeline(TRAIN, workspace)
    return workspace


@pytest.fixture
def filled_workspace(trained, monkeypatch) -> Path:
    """Point the test at the shared workspace with the drawn faces and one trained run."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(trained))
    return trained


@pytest.fixture
def own_run(trained, empty_workspace) -> Run:
    """Return a trained run in a workspace of the test's own."""
    shutil.copytree(trained, empty_workspace)
    return list_runs()[0]
