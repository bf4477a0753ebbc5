"""Workspaces for the tests: an empty one for each, one with the sample, one with a trained run."""

import ctypes
import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pylibsrtp  # noqa: F401  # crashes if TensorFlow was loaded first; the app never loads both
import pytest
from filelock import FileLock

from pipeline import cli
from pipeline.data.importing import import_dataset
from pipeline.queue import queue
from pipeline.runs import Run, list_runs

os.environ["EMOTION_JOB_NICE"] = "0"  # tests wait for jobs, also on a busy machine
TRAIN = "train --dataset sample --preset quick --seed 7"
BRIEF = f"{TRAIN} --epochs 4"
"""Trains the run that tests share; it leaves mistakes to show."""
TRAINED = "EMOTION_TRAINED"
"""Variable with the folder where the several pytests of `make test` keep what was trained once."""
LOADS_KERAS = ("tests/models/", "tests/registry/", "tests/training/")
"""Tests that may load TensorFlow, which takes 700 MB; in `make test` they have own processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Test pages first: keras, which other tests load, slows each run of a page in its process."""
    items.sort(key=lambda item: item.nodeid.startswith(LOADS_KERAS))
    items.sort(key=lambda item: not item.nodeid.startswith("tests/dashboard/"))


def pytest_collection_finish() -> None:
    """Check that no test module imports keras, which slows each run of a page in this process.

    Streamlit collects garbage after each run of a page: it need not look at what is imported now.
    """
    assert "keras" not in sys.modules, "a test module imports keras: do it inside the tests"
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def memory_floor() -> list[int]:
    """The process's resident bytes when memory was last freed."""
    return [psutil.Process().memory_info().rss]


@pytest.fixture(autouse=True)
def free_memory(memory_floor) -> Iterator[None]:
    """Free what tests left, such as Keras models in reference cycles, before it adds up."""
    yield
    process = psutil.Process()
    if process.memory_info().rss > memory_floor[0] + 50 * 2**20:
        if "keras" in sys.modules:
            sys.modules["keras"].backend.clear_session()
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        memory_floor[0] = process.memory_info().rss


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


def invoke(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command in this process: exit code, standard output, standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["emotion", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = 1 if isinstance(end.code, str) else int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition holds, and fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest leaves the script of a page as `__main__`, which new processes would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def empty_workspace(tmp_path, monkeypatch) -> Path:
    """Give each test a workspace of its own with nothing in it."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def imported_sample(tmp_path_factory) -> Path:
    """A workspace with the synthetic sample; shared, so only to be read."""
    workspace = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        import_dataset(Path("sample"), "sample")
    return workspace


@pytest.fixture
def sample(imported_sample, empty_workspace) -> None:
    """Put the synthetic sample into the test's workspace."""
    shutil.copytree(imported_sample, empty_workspace)


@pytest.fixture(scope="session")
def trained(imported_sample, tmp_path_factory) -> Path:
    """A workspace with the sample and one trained run; all processes share it, only to be read."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    workspace, partial = folder / "trained", folder / "training"
    made = Path(os.environ.get(TRAINED, folder / "made"))
    with FileLock(folder / "trained.lock"):
        if not made.exists():
            shutil.copytree(imported_sample, partial)
            run_pipeline(BRIEF, partial)
            shutil.move(partial, made)
        if not workspace.exists():
            shutil.copytree(made, workspace)
    return workspace


@pytest.fixture
def filled_workspace(trained, monkeypatch) -> Path:
    """Point the test at the shared workspace with the sample and one trained run."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(trained))
    return trained


@pytest.fixture
def own_run(trained, empty_workspace) -> Run:
    """A trained run in a workspace of the test's own."""
    shutil.copytree(trained, empty_workspace)
    return list_runs()[0]


@pytest.fixture
def no_worker(monkeypatch) -> list[list[str]]:
    """Start no worker; the commands that would have been started."""
    started: list[list[str]] = []
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: started.append(arguments))
    return started
