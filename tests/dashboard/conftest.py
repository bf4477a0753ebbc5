"""Small data sets for pages, and no worker: runs that a page queues stay queued."""

import subprocess
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from streamlit import config
from streamlit.components.v2 import manifest_scanner

from pipeline import jobs
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, rename_dataset
from pipeline.jobs import ProcessId
from pipeline.queue import queue
from tests.data.dataset_makers import noise, store_faces, votes

LABELS = [0, 0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]
SPLITS = ["train"] * 11 + ["public_test"] * 7


@pytest.fixture(autouse=True, scope="session")
def packages_scanned_once() -> Iterator[None]:
    """Each AppTest looks for components in all packages installed, which takes most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        scan = manifest_scanner.scan_component_manifests
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(scan))
        yield


@pytest.fixture(autouse=True)
def served_at() -> Iterator[Callable[..., None]]:
    """Serve pages as `make run` does, or from another address and under other names."""

    def serve(address: str | None, *names: str) -> None:
        config.set_option("server.address", address)
        config.set_option("server.allowedHosts", list(names))

    serve("127.0.0.1", "localhost", "127.0.0.1", "::1")
    yield serve
    serve(None)


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[list[str]]:
    """Record the commands that pages would start, such as `["work"]`."""
    commands: list[list[str]] = []
    monkeypatch.setattr(queue, "start_pipeline", lambda command, log: commands.append(command))
    return commands


@pytest.fixture
def endless(monkeypatch) -> Iterator[list[subprocess.Popen]]:
    """Processes without an end, in place of the commands of jobs, which are their arguments."""
    processes: list[subprocess.Popen] = []

    def start(command, log, job_folder):
        log.parent.mkdir(parents=True)
        processes.append(subprocess.Popen(["sh", "-c", "exec sleep 600", *command[:3]]))
        return ProcessId.of(processes[-1].pid)

    monkeypatch.setattr(jobs, "start_pipeline", start)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def nothing_bundled(tmp_path, monkeypatch) -> None:
    """Hide the bundled models."""
    monkeypatch.setattr("pipeline.runs.store.ZOO", tmp_path / "zoo")


@pytest.fixture
def two_datasets():
    """Store two data sets of 18 faces: `plain`, and `voted` with votes and an exclusion list."""
    images = [noise(i) for i in range(len(LABELS))]
    store_faces(images, LABELS, SPLITS)
    rename_dataset("faces", "plain")
    voted = store_faces(images[::-1], LABELS, SPLITS, [votes(anger=6, fear=4)] * len(LABELS))
    rename_dataset("faces", "voted")
    exclude(load_dataset("voted"), "dark", {voted.ids[0]: "by hand"})
