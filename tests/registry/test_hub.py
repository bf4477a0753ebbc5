import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from pipeline.errors import UserError
from pipeline.registry.hub import push
from pipeline.registry.parity import check_faces
from pipeline.runs import find_model
from pipeline.vision.recognizer import Recognizer
from tests.cli.commands import output
from tests.registry.model_files import ensemble_with_int8

pytest.importorskip("huggingface_hub", reason="huggingface-hub is not installed")
# The client's way of sending a large file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class Hub(BaseHTTPRequestHandler):
    """The few endpoints of the Hub that an upload uses.

    As at the Hub, small texts come in the commit and all else by Xet or Git LFS
    (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md). `hub.files` are those in the
    repository, which is there if `hub.private` is no None.
    """

    def do_POST(self) -> None:
        hub, path = self.server.hub, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != "Bearer hf_write":
            return self.answer(hub.refusal, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            hub.created = json.loads(body)
            hub.private = hub.created.get("visibility") == "private"
            return self.answer(200, {"url": f"{hub.url}/ann/faces", "id": "ann/faces"})
        if path == "/api/validate-yaml":
            metadata = yaml.safe_load(json.loads(body)["content"].split("---\n")[1])
            known = metadata["license"] in ("other", "mit", "cc-by-4.0")
            wrong = [] if known else [{"message": '"license" must be one of [mit, …]'}]
            return self.answer(400 if wrong else 200, {"errors": wrong, "warnings": []})
        if path == "/api/models/ann/faces/preupload/main":
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if is_large(each["path"], each["size"]) else "regular",
                    "shouldIgnore": False,
                }
                for each in files
            ]
            return self.answer(200, {"files": modes})
        if path == "/ann/faces.git/info/lfs/objects/batch":
            objects = json.loads(body)["objects"]
            for each in objects:
                each["actions"] = {
                    name: {"href": f"{hub.url}/lfs/{name}/{each['oid']}"}
                    for name in ("upload", "verify")
                }
            return self.answer(200, {"transfer": "basic", "objects": objects})
        if path.startswith("/lfs/verify/"):
            sent = json.loads(body)
            content = hub.large.get(sent["oid"], b"")
            same = hashlib.sha256(content).hexdigest() == sent["oid"]
            return self.answer(200 if same and len(content) == sent["size"] else 422, {})
        if path == "/api/models/ann/faces/commit/main":
            hub.commit = [json.loads(line) for line in body.splitlines()]
            url = f"{hub.url}/ann/faces/commit/0"
            return self.answer(200, {"success": True, "commitOid": "0" * 40, "commitUrl": url})
        self.answer(404, {"error": f"no {path}"})

    def do_PUT(self) -> None:
        hub, oid = self.server.hub, self.path.rpartition("/")[2]
        hub.large[oid] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hub.large_refusal or 200, {})

    def do_GET(self) -> None:
        is_known = self.headers.get("Authorization") in ("Bearer hf_write", "Bearer hf_read")
        if self.path == "/api/whoami-v2" and is_known:
            return self.answer(200, {"name": "ann"})
        hub, path = self.server.hub, self.path.partition("?")[0]
        if path == "/api/models/ann/faces" and is_known:
            if hub.private is None:
                return self.answer(404, {"error": "Repository not found"}, "RepoNotFound")
            return self.answer(200, {"id": "ann/faces", "private": hub.private, "siblings": []})
        if path == "/api/models/ann/faces/tree/main" and is_known:
            files = [{"type": "file", "path": p, "size": 1, "oid": "0" * 40} for p in hub.files]
            return self.answer(200, files)
        if path == "/api/models/ann/faces/xet-write-token/main" and is_known:
            token = {"casUrl": f"local://{hub.xet}", "exp": 2**32, "accessToken": "xet"}
            return self.answer(hub.large_refusal or 200, token)
        self.answer(self.server.hub.refusal, {"error": "no such repository"})

    def answer(self, status: int, content: object, error: str = "") -> None:
        self.send_response(status)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *arguments: object) -> None:
        pass


def is_large(path: str, size: int) -> bool:
    """Return whether the Hub keeps a file out of git: by its size, or by .gitattributes."""
    return size > 10 * 2**20 or Path(path).suffix in (".bin", ".h5", ".npy")


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[SimpleNamespace]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    url = f"http://127.0.0.1:{server.server_port}"
    server.hub = SimpleNamespace(url=url, refusal=401, commit=[], created=None)
    server.hub.private, server.hub.files = None, [".gitattributes"]
    server.hub.large, server.hub.large_refusal, server.hub.xet = {}, 0, tmp_path / "xet"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("HF_TOKEN", "hf_write")
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "cache"))
    yield server.hub
    server.shutdown()
    server.server_close()


def committed(hub: SimpleNamespace, key: str) -> dict[str, dict[str, str]]:
    """Return path → line of the commit, of a kind."""
    lines = [line["value"] for line in hub.commit if line["key"] == key]
    return {line["path"]: line for line in lines}


def files_of(hub: SimpleNamespace) -> dict[str, bytes]:
    """Return path → content of the files that were pushed, the large ones by Git LFS."""
    small, large = committed(hub, "file"), committed(hub, "lfsFile")
    files = {path: base64.b64decode(line["content"]) for path, line in small.items()}
    return files | {path: hub.large[line["oid"]] for path, line in large.items()}


def without_xet(monkeypatch) -> None:
    """Let the client use Git LFS, as where hf-xet is not installed."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@pytest.mark.slow
def test_a_pushed_model_has_its_card_and_can_be_loaded(hub, tmp_path, monkeypatch, empty_workspace):
    without_xet(monkeypatch)
    expected = Recognizer.load(find_model("custom_cnn")).predict(check_faces())

    printed = output("push", "custom_cnn", "ann/faces", "--private", "--license", "cc-by-4.0")

    assert printed.strip() == f"{hub.url}/ann/faces"
    assert hub.created["name"] == "faces" and hub.created["organization"] == "ann"
    assert hub.created["visibility"] == "private"
    large = {"model.weights.h5", "openvino/faces.npy", "openvino/model.bin", "openvino/int8.bin"}
    assert committed(hub, "lfsFile").keys() == large
    for path, content in files_of(hub).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    _, front, text = (tmp_path / "README.md").read_text().split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["license"] == "cc-by-4.0" and card["library_name"] == "keras"
    assert card["pipeline_tag"] == "image-classification" and card["datasets"] == ["fer2013"]
    (result,) = card["model-index"][0]["results"]
    assert result["dataset"] == {"name": "fer2013", "type": "fer2013", "split": "public_test"}
    assert result["metrics"][0] == {
        **{"type": "accuracy", "name": "Accuracy"},
        "value": pytest.approx(0.693, abs=1e-3),
    }
    assert 'load_model("hf://ann/faces")' in text and "## Limits" in text

    import keras

    model = keras.saving.load_model(tmp_path)  # as it does with a snapshot of hf://ann/faces
    faces = check_faces()[..., np.newaxis].astype(np.float32)
    np.testing.assert_allclose(np.asarray(model(faces, training=False)), expected, atol=1e-3)
    names = {path.name for path in (tmp_path / "openvino").iterdir()}
    assert names >= {"model.xml", "model.bin", "model.json", "int8.xml", "example.py", "faces.npy"}
    assert not list(empty_workspace.glob(".*"))


def from_xet(hub: SimpleNamespace, file: Path) -> bytes:
    """Return what the Hub's storage has under the hash of a file."""
    import hf_xet

    (expected,) = hf_xet.hash_files([str(file)])
    storage, target = f"local://{hub.xet}", hub.xet.with_name(f"downloaded {file.name}")
    with hf_xet.XetSession().new_file_download_group(storage) as group:
        group.start_download_file(hf_xet.XetFileInfo(expected.hash, None), str(target))
    return target.read_bytes()


@pytest.mark.slow
def test_the_int8_model_that_is_there_is_pushed_and_earlier_files_are_deleted(hub, empty_workspace):
    both = ensemble_with_int8()
    made = {path.name: path.read_bytes() for path in both.openvino_path.parent.glob("int8.*")}
    (both.openvino_path.parent / "model.tflite").write_text("of an earlier version")
    hub.private, hub.files = False, ["openvino/old.xml", "config.json", "README.md", "notes.md"]

    push(both, "ann/faces", "---\nlicense: mit\n---\n")

    large = committed(hub, "lfsFile")
    assert from_xet(hub, both.int8_path.with_suffix(".bin")) == made["int8.bin"]
    assert large["openvino/int8.bin"]["oid"] == hashlib.sha256(made["int8.bin"]).hexdigest()
    assert {path.name: path.read_bytes() for path in both.int8_path.parent.glob("int8.*")} == made
    names = {"model.xml", "model.bin", "model.json", "example.py", "faces.npy"}
    names |= {"int8.xml", "int8.bin", "int8.json", "example_int8.py"}
    assert {*large, *committed(hub, "file")} == {
        "README.md",
        *(f"openvino/{name}" for name in names),
    }
    assert committed(hub, "deletedFile").keys() == {"openvino/old.xml", "config.json"}


def test_a_push_that_is_refused_makes_no_repository(hub, sample):
    for repository, options, sentence in (
        ("ann/faces", ("--license", "mitt"), 'The Hub refuses the model card: "license" must be'),
        ("a--b/faces", (), "'a--b/faces' is no repository of the Hub: .* without '--'"),
        ("ann/faces.git", (), "'ann/faces.git' is no repository of the Hub"),
        ("faces", (), "'faces' is no repository of the Hub: write it as OWNER/NAME"),
    ):
        with pytest.raises(UserError, match=sentence):
            output("push", "custom_cnn", repository, *options)
    hub.private = False
    with pytest.raises(UserError, match="'ann/faces' is public already: leave --private out"):
        output("push", "custom_cnn", "ann/faces", "--private")
    assert hub.created is None and hub.commit == []


def test_what_prevents_a_push_is_one_sentence(hub, sample, monkeypatch):
    for variable, value, sentence in (
        ("HF_TOKEN", "", "There is no token of the Hugging Face Hub: set HF_TOKEN"),
        ("HF_TOKEN", "hf_wrong", "'ann/faces' cannot be pushed, the Hub does not know the token"),
        ("HF_ENDPOINT", "http://127.0.0.1:9", "The Hub at http://127.0.0.1:9 cannot be reached"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            patch.setenv("HF_TOKEN_PATH", "/no/such/file")
            with pytest.raises(UserError, match=sentence):
                output("push", "custom_cnn", "ann/faces")
    hub.refusal = 403
    monkeypatch.setenv("HF_TOKEN", "hf_read")
    with pytest.raises(UserError, match="the token needs write access"):
        output("push", "custom_cnn", "ann/faces")
    assert hub.commit == []


@pytest.mark.slow
def test_large_files_that_are_refused_are_one_sentence(hub, monkeypatch, empty_workspace):
    both, hub.large_refusal = ensemble_with_int8(), 403
    for prepare in (lambda patch: None, without_xet):
        prepare(monkeypatch)
        with pytest.raises(UserError, match="'ann/faces' cannot be pushed, .* needs write access"):
            push(both, "ann/faces", "---\nlicense: mit\n---\n")
    assert hub.commit == []
