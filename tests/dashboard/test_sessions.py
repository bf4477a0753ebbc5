import os
import tempfile

import psutil
import pytest

from dashboard import resources


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_first_clean_up_deletes_folders_of_servers_that_are_gone_and_no_others(
    temporary, empty_workspace
):
    own = resources.session_folder()
    gone = temporary / own.name.replace(str(os.getpid()), str(max(psutil.pids()) + 10**6), 1)
    strangers = [temporary / name for name in ("emotion-7-notes", "emotion-x", "emotion-7-1.0.0-y")]
    for folder in (gone, *strangers):
        folder.mkdir()
    resources.session_cleanup.clear()
    resources.session_cleanup()

    assert not gone.exists() and own.is_dir()
    assert all(folder.is_dir() for folder in strangers)
