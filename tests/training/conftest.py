"""What the tests of the queue and its worker share."""

from pathlib import Path

import pytest

from pipeline.data.importing import import_dataset
from pipeline.training import queue


@pytest.fixture
def no_worker(monkeypatch) -> list[list[str]]:
    """Start no worker; the commands that would have been started."""
    started: list[list[str]] = []
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: started.append(arguments))
    return started


@pytest.fixture
def sample(empty_workspace) -> None:
    """Import the drawn faces."""
    import_dataset(Path("sample"), "sample")
