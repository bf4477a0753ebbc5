import errno
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.data.jobs import import_jobs, start_import
from pipeline.errors import UserError
from tests.conftest import wait_for
from tests.data.source_makers import csv_text, row


def upload(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


@pytest.fixture
def deaf_proxy(monkeypatch) -> Iterator[None]:
    """Lead every request to a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        yield


def test_an_import_cannot_be_started_twice_at_once(deaf_proxy):
    start_import("faces", "kaggle")
    with pytest.raises(UserError, match="'faces' is there already"):
        start_import("faces", "sample")
    import_jobs()[0].cancel()


def test_a_start_that_was_cut_off_does_not_keep_the_name(empty_workspace):
    (empty_workspace / "imports" / "faces" / "source").mkdir(parents=True)
    start_import("faces", "sample")
    (job,) = import_jobs()
    assert job.running() and not (job.folder / "source").exists()
    job.cancel()


def test_a_cancelled_upload_leaves_nothing(empty_workspace):
    start_import("faces", upload("upload.csv", csv_text(row()).encode()))
    (job,) = import_jobs()
    assert (job.folder / "source" / "upload.csv").read_text() == csv_text(row())
    job.cancel()
    assert not left_in(empty_workspace)


def test_a_cancelled_import_from_kaggle_leaves_nothing(empty_workspace, deaf_proxy):
    start_import("faces", "kaggle")
    (job,) = import_jobs()
    wait_for(lambda: list(empty_workspace.glob("datasets/.import-*")))
    assert job.running()
    job.cancel()
    assert not left_in(empty_workspace)


def left_in(workspace: Path) -> list[str]:
    return [path.name for path in workspace.glob("*/*")]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_upload_that_does_not_fit_on_the_disk_leaves_nothing(monkeypatch, empty_workspace):
    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(UserError, match=r"faces.csv cannot be kept .*No space left on device"):
        start_import("faces", upload("faces.csv", b"emotion"))
    assert not list(empty_workspace.glob("imports/*"))
