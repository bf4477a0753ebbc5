import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.queue import notices, queue, worker
from pipeline.queue.engines import ray
from pipeline.queue.notices import send_notice
from pipeline.runs import Notes, Run, create_run
from pipeline.training.checkpoint import TrainingCheckpoint
from tests.conftest import invoke, wait_for
from tests.queue.queued import submit


class Webhook(BaseHTTPRequestHandler):
    """Answers `/hook` with 200 and every other path with 500; remembers what it got."""

    got: list[dict[str, object]] = []

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200 if self.path == "/hook" else 500)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def webhook(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Webhook, "got", [])
    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        monkeypatch.setenv("EMOTION_WEBHOOK", url)
        yield url
        server.shutdown()


def ended(state: str, message: str = "") -> Run:
    run = create_run(TrainConfig(dataset="sample"), "f" * 64, notes=Notes(name="wide"))
    run.history_path.write_text("epoch,val_accuracy\n0,0.5\n1,0.61\n2,0.58\n")
    run.update_status(state=state, message=message)
    return run


def test_a_webhook_gets_a_finished_and_a_failed_run(webhook):
    finished, failed = ended("finished"), ended("failed", "The memory is exhausted.")

    for run in (finished, failed):
        send_notice(run)

    assert Webhook.got == [
        {
            **{"run": finished.name, "name": "wide", "state": "finished", "message": ""},
            **{"best_accuracy": 0.61, "text": "Finished: wide, best accuracy 61.0%."},
        },
        {
            **{"run": failed.name, "name": "wide", "state": "failed", "best_accuracy": 0.61},
            "message": "The memory is exhausted.",
            "text": "Failed: wide, best accuracy 61.0%. The memory is exhausted.",
        },
    ]


def test_a_run_that_was_stopped_is_queued_or_was_deleted_sends_nothing(webhook):
    deleted = ended("finished")
    deleted.remove()
    for run in (ended("stopped"), ended("queued"), deleted):
        send_notice(run)

    assert Webhook.got == []


def test_a_failing_webhook_is_logged_without_its_address_and_harms_nothing(
    webhook, monkeypatch, caplog
):
    run = ended("finished")
    with socket.socket() as silent:  # accepts and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(notices, "_TIMEOUT_S", 0.2)
        for url in (
            *(webhook.replace("/hook", "/secret"), "http://127.0.0.1:1/secret", "file:///secret"),
            *("secret", "http://[secret", f"http://127.0.0.1:{silent.getsockname()[1]}/secret"),
            *("http://127.0.0.1:1/a secret", "http://127.0.0.1:1/secret\x7f"),
            *("http://127.0.0.1:secret", "http://127.0.0.1:1/sécret-secret"),
        ):
            caplog.clear()
            monkeypatch.setenv("EMOTION_WEBHOOK", url)
            send_notice(run)
            assert "was not sent to EMOTION_WEBHOOK" in caplog.text, url
            assert "secret" not in caplog.text, url
    assert run.state() == "finished" and run.status().message == ""


@pytest.mark.slow
def test_a_resume_in_the_foreground_tells_what_became_of_it_and_nothing_if_it_is_refused(
    webhook, capsys
):
    for state in ("failed", "finished"):
        Webhook.got.clear()
        run = ended(state, "what it said before")  # its data set is missing
        TrainingCheckpoint([{"epoch": i} for i in range(3)]).write(run)
        with run.training():
            code, _, refusal = invoke("train", "--resume", run.name, "--epochs", "9", capsys=capsys)
        assert code == 1 and "is being trained" in refusal and Webhook.got == []

        code, _, error = invoke("train", "--resume", run.name, "--epochs", "9", capsys=capsys)

        assert code == 1 and run.state() == state
        (notice,) = Webhook.got
        assert notice["state"] == "failed" and "Unknown data set 'sample'" in error
        assert str(notice["text"]).startswith("Failed: wide, best accuracy 61.0%. Unknown data set")


def test_the_worker_sends_the_notice_of_a_process_that_ended_without_a_word(
    sample, no_worker, webhook, monkeypatch
):
    (run,) = submit(1)
    monkeypatch.setattr(sys, "executable", "/bin/false")

    worker.work()

    assert [(notice["run"], notice["state"]) for notice in Webhook.got] == [(run.name, "failed")]
    assert "ended with code 1" in str(Webhook.got[0]["message"])


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")
def test_the_worker_sends_one_notice_of_a_run_that_begins_to_wait_for_its_cluster(
    sample, no_worker, webhook, monkeypatch
):
    monkeypatch.setattr(ray, "_RETRY_S", (0, 0))
    monkeypatch.setattr(worker, "_POLL_S", 0.01)
    queue.set_engine("ray", address="http://127.0.0.1:1")
    (run,) = submit(1)
    thread = threading.Thread(target=worker.work, daemon=True)
    thread.start()
    wait_for(lambda: Webhook.got)
    time.sleep(0.2)  # it is tried again and again

    queue.stop(run)
    thread.join(30)

    (notice,) = Webhook.got
    assert notice["state"] == "queued" and "http://127.0.0.1:1 does not" in str(notice["text"])


def test_the_desktop_shows_the_notice_where_that_is_asked_for(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(notices.sys, "platform", "linux")
    notifier, shown = tmp_path / "notify-send", tmp_path / "shown"
    notifier.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {shown}\n')
    notifier.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    run = ended("finished")

    send_notice(run)
    assert not shown.exists()
    monkeypatch.setenv("EMOTION_NOTIFY", "1")
    send_notice(run)

    assert shown.read_text().splitlines()[-1] == "Finished: wide, best accuracy 61.0%."
    monkeypatch.setenv("PATH", str(Path("/nonexistent")))
    send_notice(run)
    assert "EMOTION_NOTIFY needs the program notify-send." in caplog.text
