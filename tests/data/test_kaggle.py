import errno
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from kagglesdk import kaggle_env

from pipeline.data import kaggle
from pipeline.data.importing import import_dataset
from pipeline.data.store import dataset_info, load_dataset
from pipeline.errors import UserError
from tests.data.source_makers import csv_text, noise, row, write_zip

PICTURES = {
    "train/happy/a.png": noise(1),
    "train/sad/b.png": noise(2),
    "test/happy/PublicTest_1.png": noise(3),
}


class Kaggle(ThreadingHTTPServer):
    """As much of Kaggle as gives out one data set, a version's number and then its archive."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.archive, self.cut = 200, b"", 0
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Kaggle

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(asked)
        if self.server.status != 200:
            self._send("application/json", b"{}", self.server.status)
        elif self.path.endswith("/GetDataset"):
            self._send("application/json", b'{"currentVersionNumber": 3}')
        else:
            self._send("application/zip", self.server.archive)

    def _send(self, kind: str, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Kaggle-HubVersion", "99.0.0")
        self.end_headers()
        self.wfile.write(content[: len(content) - self.server.cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Kaggle]:
    """Stand in for Kaggle on this machine; kagglehub itself is the real one."""
    with Kaggle() as served:
        address = f"http://127.0.0.1:{served.server_port}"
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        monkeypatch.setenv("KAGGLE_API_TOKEN", "secret")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        served.archive = write_zip(tmp_path / "a.zip", PICTURES).read_bytes()
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def fetching(server, refusal) -> Callable[[str], str]:
    """Import from Kaggle what must be refused, and return the sentence."""
    return lambda source="kaggle": refusal(Path(source))


def test_a_data_set_of_kaggle_is_imported_and_nothing_else_stays(server, empty_workspace, capfd):
    told: list[float] = []

    info = import_dataset(Path("kaggle"), "fer2013", on_progress=told.append)

    assert info.source == "kaggle:msambare/fer2013"
    assert dataset_info("fer2013").counts["public_test"]["happy"] == 1
    assert set(load_dataset("fer2013").ids) == {
        "train/happy/a", "train/sad/b", "test/happy/PublicTest_1",
    }  # fmt: skip
    assert told == sorted(told) and 0.5 in told and told[-1] == 1
    assert [path.name for path in empty_workspace.rglob("*") if path.is_dir()] == [
        "datasets", "fer2013",
    ]  # fmt: skip
    assert capfd.readouterr() == ("", "")


def test_another_data_set_may_be_a_csv(server, tmp_path):
    server.archive = write_zip(
        tmp_path / "b.zip", {"fer.csv": csv_text(row()).encode()}
    ).read_bytes()

    info = import_dataset(Path("kaggle:some-one/its_data"), "faces")

    assert info.faces == 1 and info.source == "kaggle:some-one/its_data"
    assert '"ownerSlug": "some-one", "datasetSlug": "its_data"' in server.asked[0]


def test_a_version_can_be_asked_for(server):
    import_dataset(Path("kaggle:a/b/versions/2"), "faces")

    assert '"datasetVersionNumber": 2' in server.asked[0]


@pytest.mark.parametrize("handle", ["", "fer2013", "a/b/c", "../b", "a/..", "a/b c"])
def test_what_is_no_owner_and_name_is_refused_before_asking(handle, fetching, server):
    assert "write the owner/name" in fetching(f"kaggle:{handle}")
    assert not server.asked


@pytest.mark.parametrize("status", [401, 403])
def test_no_permission_names_where_the_token_goes_and_the_way_by_hand(status, fetching, server):
    server.status = status
    sentence = fetching()

    assert f"without permission ({status})" in sentence and "~/.kaggle/access_token" in sentence
    assert "https://www.kaggle.com/datasets/msambare/fer2013 in a browser" in sentence


def test_an_unknown_data_set_is_told(fetching, server):
    server.status = 404
    assert "Kaggle has no data set 'a/b'" in fetching("kaggle:a/b")


def test_trouble_at_kaggle_is_told(fetching, server):
    server.status = 503
    assert "Kaggle answered with an error (503): try again later" in fetching()


def test_no_network_is_told(fetching, monkeypatch):
    monkeypatch.setitem(
        kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:1"
    )
    assert "Kaggle cannot be reached (ConnectionError): check the network" in fetching()


def test_a_connection_that_breaks_off_is_told(fetching, server):
    server.cut = 10
    assert "Kaggle cannot be reached (ChunkedEncodingError)" in fetching()


def test_a_server_that_falls_silent_is_not_waited_for(fetching, monkeypatch):
    with Kaggle() as silent:  # takes the connection and never answers
        monkeypatch.setattr(kaggle, "_SILENCE_S", 0.1)
        address = f"http://127.0.0.1:{silent.server_port}"
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, address)
        assert "Kaggle cannot be reached (ReadTimeout)" in fetching()


def test_an_archive_that_is_none_is_told(fetching, server):
    server.archive = b"words"
    assert "could not be fetched from Kaggle (Unsupported archive type): try again" in fetching()


def test_a_folder_of_no_emotion_is_named_with_the_data_set(fetching, server, tmp_path):
    server.archive = write_zip(tmp_path / "c.zip", {"train/cat/a.png": noise(1)}).read_bytes()
    assert fetching("kaggle:a/pets").startswith("pets: the folder of 'train/cat/a.png' names no")


def test_a_disk_that_fills_while_fetching_is_told(fetching, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kagglehub.http_resolver._extract_archive", fail)
    assert fetching() == "The disk is full: free some space and import kaggle again."


def test_a_damaged_file_of_credentials_is_told(fetching, monkeypatch, tmp_path):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "kaggle.json").write_text("{")
    assert "Invalid Kaggle credentials file" in fetching()


def test_a_taken_name_is_refused_before_asking(server):
    import_dataset(Path("sample"), "faces")
    with pytest.raises(UserError, match="taken"):
        import_dataset(Path("kaggle"), "faces")
    assert not server.asked
