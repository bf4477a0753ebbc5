"""What every refusal must keep: one sentence, nothing left behind, nothing said past it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.data.importing import import_dataset
from pipeline.data.store import load_dataset
from pipeline.errors import UserError


@pytest.fixture
def imported() -> Callable:
    """Import a source as `faces` and open it."""

    def run(source: Path, **options):
        import_dataset(source, "faces", **options)
        return load_dataset("faces")

    return run


@pytest.fixture
def refusal(empty_workspace, capfd) -> Callable[..., str]:
    """Import a source that must be refused, and return the sentence."""

    def run(source: Path, **options) -> str:
        with pytest.raises(UserError) as caught:
            import_dataset(source, "faces", **options)
        sentence = str(caught.value)
        assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
        assert list(empty_workspace.glob("datasets/*")) == []
        assert list(empty_workspace.glob("datasets/.*")) == []
        assert capfd.readouterr().err == ""
        return sentence

    return run
