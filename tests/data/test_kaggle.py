import errno
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from kagglesdk import kaggle_env

from pipeline.data import kaggle
from pipeline.data.import_options import ImportOptions
from pipeline.data.importing import import_dataset
from pipeline.data.store import dataset_info, load_dataset
from pipeline.errors import UserError
from tests.data.source_makers import csv_text, noise_file, row, write_zip

IMAGES = {
    "train/happy/a.png": noise_file(1),
    "train/sad/b.png": noise_file(2),
    "test/happy/PublicTest_1.png": noise_file(3),
}


class Kaggle(ThreadingHTTPServer):
    """A server that answers as Kaggle does for one data set: its version, then its archive."""

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
        served.archive = write_zip(tmp_path / "a.zip", IMAGES).read_bytes()
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def refused(server, refusal) -> Callable[[str], str]:
    """Import from Kaggle what must be refused, and return the sentence."""
    return lambda source="kaggle": refusal(Path(source))


def test_a_kaggle_data_set_is_imported_and_nothing_else_stays(server, empty_workspace, capfd):
    fractions: list[float] = []

    info = import_dataset(Path("kaggle"), "fer2013", on_progress=fractions.append)

    assert info.source == "kaggle:msambare/fer2013"
    assert dataset_info("fer2013").counts["public_test"]["happy"] == 1
    ids = {"train/happy/a", "train/sad/b", "test/happy/PublicTest_1"}
    assert set(load_dataset("fer2013").ids) == ids
    assert fractions == sorted(fractions) and 0.5 in fractions and fractions[-1] == 1
    folders = [path.name for path in empty_workspace.rglob("*") if path.is_dir()]
    assert folders == ["datasets", "fer2013"]
    assert capfd.readouterr() == ("", "")


def test_another_data_set_may_be_a_csv_and_have_a_version(server, tmp_path):
    packed = write_zip(tmp_path / "b.zip", {"fer.csv": csv_text(row()).encode()})
    server.archive = packed.read_bytes()

    info = import_dataset(Path("kaggle:some-one/its_data"), "faces")
    assert info.faces == 1 and info.source == "kaggle:some-one/its_data"
    assert '"ownerSlug": "some-one", "datasetSlug": "its_data"' in server.asked[0]

    server.asked.clear()
    import_dataset(Path("kaggle:a/b/versions/2"), "version")
    assert '"datasetVersionNumber": 2' in server.asked[0]


def test_a_download_that_is_kept_is_imported_on_another_try_without_asking_again(server, tmp_path):
    server.archive = write_zip(tmp_path / "b.zip", {"7/a.png": noise_file(1)}).read_bytes()
    kept = tmp_path / "kept"
    with pytest.raises(UserError, match="names no emotion"):
        import_dataset(Path("kaggle:a/b"), "faces", keep_in=kept)
    server.asked.clear()

    options = ImportOptions(class_map={"7": "sad"})
    info = import_dataset(Path("kaggle:a/b"), "faces", options, keep_in=kept)
    assert info.counts["train"]["sad"] == 1 and info.source == "kaggle:a/b"
    assert not server.asked and kaggle.stored_download("kaggle:a/b", kept)


def test_a_wrong_handle_or_a_taken_name_is_refused_before_asking(refused, server, sample):
    for handle in ("", "fer2013", "a/b/c", "../b", "a/..", "a/b c"):
        with pytest.raises(UserError, match="write the owner/name"):
            import_dataset(Path(f"kaggle:{handle}"), "other")
    with pytest.raises(UserError, match="taken"):
        import_dataset(Path("kaggle"), "sample")
    assert not server.asked


def test_the_address_of_a_data_set_names_it():
    for address in (
        "https://www.kaggle.com/datasets/a-b/c_d",
        "http://kaggle.com/datasets/a-b/c_d/",
        "www.kaggle.com/a-b/c_d",
        "kaggle.com/datasets/a-b/c_d?select=train&resource=download#top",
        "https://www.kaggle.com/datasets/a-b/c_d/discussion/12",
        "HTTPS://WWW.KAGGLE.COM/datasets/a-b/c_d/data",
    ):
        for source in (address, str(Path(address)), f"kaggle:{address}", f"kaggle: {address} "):
            assert kaggle.is_kaggle(source) and kaggle.handle_of(source) == "a-b/c_d", source
    versioned = "https://www.kaggle.com/datasets/a-b/c_d/versions/3?select=x"
    assert kaggle.handle_of(versioned) == "a-b/c_d/versions/3"
    for source in ("fer2013.zip", "data/kaggle.com.zip", "kagglehub", "/kaggle.com/a/b"):
        assert not kaggle.is_kaggle(source), source


def test_a_data_set_is_imported_by_its_address(server):
    info = import_dataset(Path("https://www.kaggle.com/datasets/some-one/faces?x=1"), "faces")
    assert info.source == "kaggle:some-one/faces"
    assert '"ownerSlug": "some-one", "datasetSlug": "faces"' in server.asked[0]


def test_an_address_of_anything_else_is_one_sentence(refused, server):
    for source in ("kaggle:c/x-y", "https://www.kaggle.com/c/x-y/data", "kaggle:competitions/x-y"):
        sentence = refused(source)
        assert "is a competition" in sentence and "\n" not in sentence
        assert "https://www.kaggle.com/competitions/x-y/rules" in sentence
    for path in ("", "a", "datasets/a", "code/a/b", "models/a/b/c", "datasets/a/b c", "docs/../b"):
        assert "write the owner/name" in refused(f"https://www.kaggle.com/{path}"), path
    assert not server.asked


@pytest.mark.slow
def test_what_kaggle_refuses_is_one_sentence_with_a_way_out(refused, server):
    for status in (401, 403):
        server.status = status
        sentence = refused()
        assert f"without permission ({status})" in sentence
        assert "~/.kaggle/access_token" in sentence
        assert "https://www.kaggle.com/datasets/msambare/fer2013 in a browser" in sentence
    server.status = 404
    assert "Kaggle has no data set 'a/b'" in refused("kaggle:a/b")
    server.status = 503
    assert "Kaggle answered with an error (503): try again later" in refused()


@pytest.mark.slow
def test_a_network_that_fails_is_one_sentence(refused, server, monkeypatch):
    server.cut = 10
    assert "Kaggle cannot be reached (ChunkedEncodingError)" in refused()

    endpoint, production = kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD
    monkeypatch.setitem(endpoint, production, "http://127.0.0.1:1")
    assert "Kaggle cannot be reached (ConnectionError): check the network" in refused()

    with Kaggle() as silent:  # takes the connection and never answers
        monkeypatch.setattr(kaggle, "_SILENCE_S", 0.1)
        monkeypatch.setitem(endpoint, production, f"http://127.0.0.1:{silent.server_port}")
        assert "Kaggle cannot be reached (ReadTimeout)" in refused()


def test_a_download_that_cannot_be_used_is_one_sentence(refused, server, tmp_path, monkeypatch):
    server.archive = write_zip(tmp_path / "c.zip", {"train/cat/a.png": noise_file(1)}).read_bytes()
    assert refused("kaggle:a/pets").startswith("pets: the folder of 'train/cat/a.png' names no")

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("kagglehub.http_resolver._extract_archive", fail)
        assert "(No space left on device): free some space and import it again." in refused()

    server.archive = b"words"
    assert "could not be downloaded from Kaggle (Unsupported archive type): try again" in refused()


def test_a_damaged_file_of_credentials_is_one_sentence(refused, monkeypatch, tmp_path):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "kaggle.json").write_text("{")
    assert "Invalid Kaggle credentials file" in refused()
