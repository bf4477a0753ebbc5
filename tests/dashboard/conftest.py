"""Pages start no worker in the tests: what they queue stays queued."""

import pytest

from pipeline.training import queue


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[list[str]]:
    """The commands that pages would start, such as `["work"]`."""
    commands: list[list[str]] = []
    monkeypatch.setattr(queue, "start_pipeline", lambda command, log: commands.append(command))
    return commands
