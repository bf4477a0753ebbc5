"""Imports that must succeed, and imports that must be refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.data.import_options import ImportOptions
from pipeline.data.importing import import_dataset
from pipeline.data.store import dataset_names, load_dataset, remove_dataset
from pipeline.errors import UserError


@pytest.fixture
def imported() -> Callable:
    """Import a source as `faces`, in place of what was imported before, and open it."""

    def run(source: Path, ferplus: Path | None = None, on_progress=lambda _: None, **options):
        if "faces" in dataset_names():
            remove_dataset("faces")
        import_dataset(
            source, "faces", ImportOptions(**options), ferplus=ferplus, on_progress=on_progress
        )
        return load_dataset("faces")

    return run


@pytest.fixture
def refusal(empty_workspace, capfd) -> Callable[..., str]:
    """Import a source that must be refused: one sentence, nothing left behind or printed."""

    def run(source: Path, ferplus: Path | None = None, **options) -> str:
        with pytest.raises(UserError) as caught:
            import_dataset(source, "refused", ImportOptions(**options), ferplus=ferplus)
        sentence = str(caught.value)
        assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
        left = {path.name for path in empty_workspace.glob("datasets/*")} - {"faces"}
        assert not left, sentence
        assert capfd.readouterr().err == ""
        return sentence

    return run
