"""Real requests to a real server on this machine."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.client import HTTPConnection

import cv2
import httpx
import numpy as np
import pytest

from pipeline.report.model_list import model_documents
from pipeline.runs import Calibration, Run, RunTable, find_model
from pipeline.server.app import Api
from pipeline.server.limits import RateLimit
from pipeline.server.run import listen, make_server
from tests.conftest import invoke
from tests.vision.clips import face_image

JPEG = cv2.imencode(".jpg", cv2.resize(face_image(), (640, 480)))[1].tobytes()


HEAD = b"POST /api/faces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"


def serving(**options: object) -> AbstractContextManager[httpx.Client]:
    """Run a server in a thread; give a client of it."""
    return running(Api(**options))


@contextmanager
def running(api: Api) -> Iterator[httpx.Client]:
    listener = listen("127.0.0.1", 0)
    server = make_server(api.app())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def connected(client: httpx.Client) -> socket.socket:
    """Return a connection to a client's server."""
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=30)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(per_s=0, max_bytes=2**20) as client:
        yield client


def test_a_photo_gets_what_predict_prints(client, tmp_path, capsys, empty_workspace):
    photo = tmp_path / "one.jpg"
    photo.write_bytes(JPEG)
    other = Run(empty_workspace / "runs" / "mine")
    shutil.copytree(find_model("custom_cnn").path, other.path)
    calibration = find_model("custom_cnn").calibration()
    other.write_calibration(calibration.model_copy(update={"temperature": 3.0}))
    for options, words in (
        ({}, ()),
        ({"detector": "auto"}, ("--detector", "auto")),
        ({"cropped": "true"}, ("--cropped",)),
        ({"model": "mine"}, ()),
    ):
        model = options.get("model", "custom_cnn")
        _, printed, _ = invoke("predict", model, str(photo), *words, "--json", capsys=capsys)
        (expected,) = json.loads(printed)
        assert len(expected["faces"]) == 1
        for body in ({"content": JPEG}, {"files": {"image": ("one.jpg", JPEG)}}):
            answer = client.post("/api/faces", params=options, **body)
            name = "image" if "content" in body else "one.jpg"
            assert answer.status_code == 200
            assert answer.json() == [{**expected, "path": name}], options


def test_models_are_those_of_the_command(client, capsys, empty_workspace):
    _, printed, _ = invoke("models", "--json", capsys=capsys)
    assert client.get("/api/models").json() == json.loads(printed) != []


def test_a_model_that_is_deleted_meanwhile_is_left_out(empty_workspace):
    run = Run(empty_workspace / "runs" / "mine")
    shutil.copytree(find_model("custom_cnn").path, run.path)
    rows = RunTable().models()
    assert "mine" in [row.run.name for row in rows]
    shutil.rmtree(run.path)
    assert [model["name"] for model in model_documents(rows)] == [
        row.run.name for row in RunTable().models()
    ]


def test_what_is_wrong_is_one_sentence_with_its_status(client):
    huge = b"P5 100000 100000 255 " + b"0" * 99
    narrow = cv2.imencode(".png", np.zeros((2001, 100), np.uint8))[1].tobytes()
    for status, message, request in (
        (400, "not an image", {"content": b"hello"}),
        (400, "empty", {"content": b""}),
        (400, "not an image", {"content": JPEG[:20]}),
        (400, "megapixels", {"content": huge}),
        (400, "image has 100 x 2,001 pixels", {"content": narrow}),
        (413, "at most 1 MB", {"content": bytes(2**20 + 5000)}),
        (413, "at most 1 MB", {"content": iter([bytes(2**19)] * 4)}),
        (404, "Unknown model 'x'. Choose from: custom_cnn", {"params": {"model": "x"}}),
        (404, "cannot be used", {"params": {"model": "../x"}}),
        (400, "Unknown detector 'x'", {"params": {"detector": "x"}}),
        (400, "Choose from: haar, blazeface, auto.", {"params": {"detector": "yunet"}}),
        (400, "Unknown query parameter 'size'", {"params": {"size": "1"}}),
        (400, "twice", {"params": {"model": ["custom_cnn", "custom_cnn"]}}),
        (400, "true or false", {"params": {"cropped": "maybe"}}),
        (400, "one file", {"files": [("a", JPEG), ("b", JPEG)]}),
        (400, "one file", {"data": {"a": "b"}, "files": {"image": JPEG}}),
        (400, "multipart", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (403, "EMOTION_API_TOKEN", {"headers": {"Host": "evil.example"}}),
        (403, "EMOTION_API_TOKEN", {"headers": {"Origin": "http://evil.example"}}),
        *(
            (403, "EMOTION_API_TOKEN", {"headers": headers})
            for headers in (
                {"X-Forwarded-For": "192.0.2.7"},
                [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "192.0.2.7")],
                {"X-Real-IP": "192.0.2.7"},
                {"Forwarded": "for=192.0.2.7"},
                {"Via": "1.1 proxy"},
            )
        ),
    ):
        answer = client.post("/api/faces", **request)
        assert answer.status_code == status, (request, answer.text)
        assert message in answer.json()["error"], answer.text
    assert client.get("/api/faces").status_code == 405
    assert client.get("/api/nothing").status_code == 404
    assert client.post("/api/faces", content=JPEG).status_code == 200


@pytest.mark.slow
def test_a_model_is_read_again_after_it_or_its_temperature_has_changed(client, empty_workspace):
    def post() -> httpx.Response:
        return client.post("/api/faces", params={"model": "mine", "cropped": "1"}, content=JPEG)

    def fitted(temperature: float) -> Calibration:
        return Calibration(
            temperature=temperature, dataset="d", fingerprint="f", split="public_test", faces=9
        )

    run = Run(empty_workspace / "runs" / "mine")
    shutil.copytree(find_model("custom_cnn").path, run.path)
    run.write_calibration(fitted(1.0))
    (sharp,) = post().json()[0]["faces"]
    run.write_calibration(fitted(3.0))
    (smooth,) = post().json()[0]["faces"]
    assert smooth["confidence"] < sharp["confidence"]

    run.openvino_path.write_text("damaged")
    answer = post()
    assert answer.status_code == 500 and "log" in answer.json()["error"]
    assert str(empty_workspace) not in answer.text


def test_a_large_form_is_not_written_to_the_disk(monkeypatch):
    written = []
    rollover = tempfile.SpooledTemporaryFile.rollover
    monkeypatch.setattr(
        "tempfile.SpooledTemporaryFile.rollover",
        lambda file: (written.append(file), rollover(file)),
    )
    with serving() as client:
        answer = client.post("/api/faces", files={"image": JPEG + bytes(2 * 2**20)})
    assert answer.status_code == 200 and not written


def test_a_request_whose_client_has_left_is_not_begun(monkeypatch):
    begun, go_on = [], threading.Event()

    def hold(content: bytes, *_: object) -> list[object]:
        begun.append(content)
        go_on.wait(30)
        return []

    monkeypatch.setattr("pipeline.server.app.recognize_photo", hold)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    api = Api(per_s=0)
    head = b"POST /api/faces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n"
    with running(api) as client:
        try:
            with connected(client) as first:
                first.sendall(head + b"1")
                wait_for(lambda: begun)
                with connected(client) as second:
                    second.sendall(head + b"2")
                    wait_for(lambda: api._load.bytes == 2)
                with connected(client) as third:
                    third.sendall(head + b"3")
                    wait_for(lambda: api._load.bytes == 3)
                    go_on.set()
                    assert b"200" in third.recv(4096)
        finally:
            go_on.set()
    assert begun == [b"1", b"3"]


def test_requests_need_the_token():
    with serving(token="secret", per_s=0) as client:
        for given, status in ((None, 401), ("Bearer wrong", 401), ("Bearer secret", 200)):
            headers = {"Authorization": given} if given else {}
            for answer in (
                client.get("/api/models", headers=headers),
                client.post("/api/faces", content=JPEG, headers=headers),
            ):
                assert answer.status_code == status, given
                if status == 401:
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
                    assert "EMOTION_API_TOKEN" in answer.json()["error"]
        assert client.get("/api/openapi.json").json()["security"] == [{"token": []}]


def test_too_many_requests_are_told_to_wait():
    with serving(per_s=0.1) as client:
        answers = [client.get("/api/models") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 1 <= int(answers[1].headers["Retry-After"]) <= 10


def test_a_client_has_its_requests_back_after_a_while(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("pipeline.server.limits.monotonic", lambda: clock[0])
    limit = RateLimit(2)
    assert [limit.wait_s("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert limit.wait_s("b") == 0
    clock[0] = 0.5
    assert limit.wait_s("a") == 0 and limit.wait_s("a") == 0.5


def test_a_slow_client_is_sent_away_and_does_not_hold_up_others():
    with serving(per_s=0, body_s=0.5) as client, connected(client) as slow:
        slow.sendall(HEAD + JPEG[:100])
        assert client.post("/api/faces", content=JPEG).status_code == 200
        assert b"408" in slow.recv(4096).split(b"\r\n")[0]


@pytest.mark.slow
def test_a_connection_without_a_request_is_closed_whatever_it_sends(monkeypatch):
    monkeypatch.setattr("pipeline.server.run._IDLE_S", 3)
    page = b"GET /api/docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving(token="secret") as client, ExitStack() as opened:
        connections = []
        for first in (b"", page, HEAD):
            connections.append(opened.enter_context(connected(client)))
            connections[-1].sendall(first)
        for connection, status in zip(connections[1:], (b"200", b"401"), strict=True):
            assert status in connection.recv(65536).split(b"\r\n")[0]
            connection.sendall(b"G")
        for connection in connections:
            with suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass


def test_a_client_that_takes_no_answers_is_closed(monkeypatch):
    monkeypatch.setattr("pipeline.server.run._IDLE_S", 0.5)
    with (
        serving() as client,
        connected(client) as greedy,
        pytest.raises(OSError, match="reset|pipe"),
    ):
        while True:
            greedy.sendall(b"GET /api/docs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)


def test_idle_connections_do_not_keep_others_out(monkeypatch):
    monkeypatch.setattr("pipeline.server.run._MAX_CONNECTIONS", 4)
    with serving(per_s=0) as client, ExitStack() as opened:
        for _ in range(12):
            opened.enter_context(connected(client))
        with httpx.Client(base_url=client.base_url, timeout=60) as other:
            assert other.post("/api/faces", content=JPEG).status_code == 200


def test_a_refused_client_gets_its_answer_while_it_sends():
    with serving(token="secret") as client:
        connection = HTTPConnection(client.base_url.host, client.base_url.port, timeout=30)
        connection.request("POST", "/api/faces", bytes(20 * 2**20))
        assert connection.getresponse().status == 401
        connection.close()


@pytest.mark.slow
def test_many_at_once_are_answered_or_told_to_come_back(client):
    def post(_: int) -> tuple[int, object]:
        answer = httpx.post(
            f"{client.base_url}/api/faces", params={"cropped": "1"}, content=JPEG, timeout=60
        )
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(post, range(150)))
    expected = client.post("/api/faces", params={"cropped": "1"}, content=JPEG).json()
    for status, document in answers:
        assert status in (200, 503)
        assert status == 503 or document == expected
    assert sum(status == 200 for status, _ in answers) >= 64
    assert client.post("/api/faces", content=JPEG).status_code == 200


def test_a_client_that_goes_away_leaves_nothing():
    api = Api(per_s=0)
    with running(api) as client:
        with connected(client) as gone:
            gone.sendall(HEAD + JPEG[:100])
            wait_for(lambda: api._load.bytes == 100)
        wait_for(lambda: api._load.bytes == api._load.requests == 0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_description_fits_the_answers_and_its_page_loads_nothing_from_elsewhere(client):
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1") and "security" not in document
    assert set(document["paths"]) == {"/api/faces", "/api/models"}
    schemas = document["components"]["schemas"]
    (photo,) = client.post("/api/faces", content=JPEG).json()
    described = schemas["Photos"]["items"]["properties"]
    assert set(photo) == set(described)
    assert set(photo["faces"][0]) == set(described["faces"]["items"]["properties"])
    for model in client.get("/api/models").json():
        assert set(model) == set(schemas["Models"]["items"]["properties"])
    page = client.get("/api/docs")
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page.text)


def test_the_command_listens_here_alone_unless_it_has_a_token(empty_workspace, capsys, monkeypatch):
    monkeypatch.delenv("EMOTION_API_TOKEN", raising=False)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        code, _, error = invoke("serve", "--host", host, capsys=capsys)
        assert code == 1 and "EMOTION_API_TOKEN" in error, host
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        code, _, error = invoke("serve", "--port", port, capsys=capsys)
        assert code == 1 and f"port {port}" in error


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended(empty_workspace):
    words = (sys.executable, "-m", "pipeline", "serve", "--port", "0", "--host", "0.0.0.0")
    environment = {**os.environ, "EMOTION_API_TOKEN": "secret"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            port = re.search(r":(\d+)/api/docs", server.stdout.readline())[1]
            address = f"http://127.0.0.1:{port}/api/faces"
            headers = {"Authorization": "Bearer secret"}
            answer = httpx.post(address, content=JPEG, headers=headers, timeout=60)
            assert len(answer.json()[0]["faces"]) == 1
            assert httpx.post(address, content=JPEG, timeout=60).status_code == 401
        finally:
            server.terminate()
        assert server.wait(30) in (0, -15)


def test_gray_and_deep_images_are_read_as_predict_reads_them(client):
    gray = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_GRAYSCALE)
    for image in (gray, gray.astype(np.uint16) * 257):
        content = cv2.imencode(".png", image)[1].tobytes()
        (photo,) = client.post("/api/faces", content=content).json()
        assert len(photo["faces"]) == 1
