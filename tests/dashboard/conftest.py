"""Pages start no worker in the tests: what they queue stays queued. Small data sets to show."""

import pytest

from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, rename_dataset
from pipeline.training import queue
from tests.data.dataset_makers import noise, store_faces, votes

LABELS = [0, 0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]
SPLITS = ["train"] * 11 + ["public_test"] * 7


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[list[str]]:
    """The commands that pages would start, such as `["work"]`."""
    commands: list[list[str]] = []
    monkeypatch.setattr(queue, "start_pipeline", lambda command, log: commands.append(command))
    return commands


@pytest.fixture
def two_datasets():
    """Two data sets: `plain`, and `voted` that has votes and an exclusion list."""
    pictures = [noise(i) for i in range(len(LABELS))]
    store_faces(pictures, LABELS, SPLITS)
    rename_dataset("faces", "plain")
    seen = store_faces(pictures[::-1], LABELS, SPLITS, [votes(anger=6, fear=4)] * len(LABELS))
    rename_dataset("faces", "voted")
    exclude(load_dataset("voted"), "dark", {seen.ids[0]: "by hand"})
