"""What every engine does, and what only a Ray cluster can meet with."""

import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.support.ray_cluster import RayCluster, ray_cluster
from pipeline.data.store import remove_dataset
from pipeline.errors import UserError
from pipeline.queue import queue, worker
from pipeline.queue.engines import ENGINES, Engine, Handle, engine, ray
from pipeline.queue.search import Search, cancel_search, start_search
from pipeline.queue.settings import (
    QueueSettings,
    change_settings,
    set_max_parallel_runs,
)
from pipeline.runs import list_runs
from pipeline.training.resume import check_resumable
from tests.conftest import run_pipeline, wait_for
from tests.queue.queued import ENDLESS, submit, wait_for_epoch

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[RayCluster]:
    """A cluster of two nodes that asks for a token; its last test ends it."""
    with ray_cluster(2, TOKEN) as cluster:
        yield cluster


@pytest.fixture
def cluster(whole_cluster, empty_workspace, monkeypatch) -> RayCluster:
    """The cluster, set as engine of the test's workspace."""
    for name, value in TOKEN.items():
        monkeypatch.setenv(name, value)
    empty_workspace.mkdir(exist_ok=True)
    queue.set_engine("ray", address=whole_cluster.address)
    return whole_cluster


@pytest.fixture(params=["local", pytest.param("ray", marks=[needs_ray, pytest.mark.slow])])
def tried(request, sample, no_worker) -> Iterator[Engine]:
    """Each engine, in a workspace with the sample and without a worker."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    yield ENGINES[request.param]
    for run in list_runs():  # of a test that failed
        if run.state() == "running":
            os.kill(run.status().pid, signal.SIGKILL)


def wait_for_end(engine: Engine, handle: Handle) -> None:
    wait_for(lambda: engine.poll(handle), 90)


@pytest.mark.slow
def test_a_training_shows_its_progress_and_stops_and_goes_on_until_it_is_killed(tried):
    (run,) = submit(1)
    handle = tried.start(run)
    wait_for_epoch(run, 1)
    assert not tried.poll(handle)
    wait_for(lambda: run.status().images_per_s)  # once some steps have been timed
    assert run.status().host == socket.gethostname()
    assert "epoch 1" in run.log_path.read_text().lower()
    tried.stop(handle)
    wait_for_end(tried, handle)
    assert run.state() == "stopped" and run.status().message == "Stopped by request."

    done = len(run.history())
    queue.resume(run)
    handle = tried.start(run)
    wait_for_epoch(run, done + 1)
    os.kill(run.status().pid, signal.SIGKILL)
    wait_for_end(tried, handle)
    assert run.state() == "interrupted"
    assert run.status().message == "The training process was killed, perhaps for lack of memory."
    queue.resume(run)
    assert run.state() == "queued"


def test_a_training_that_fails_says_why(tried):
    (run,) = submit(1)
    remove_dataset("sample")

    wait_for_end(tried, tried.start(run))

    assert run.state() == "failed"
    assert run.status().message.startswith("Unknown data set 'sample'")


@needs_ray
@pytest.mark.slow
def test_a_job_that_waits_for_its_cpus_never_begins_once_it_is_stopped(sample, no_worker, cluster):
    queue.set_engine(cpus=99)
    (run,) = submit(1)
    handle = ENGINES["ray"].start(run)
    assert not ENGINES["ray"].poll(handle) and run.state() == "queued"

    queue.stop(run)

    assert ENGINES["ray"].poll(handle) and run.state() == "stopped"
    with pytest.raises(UserError, match="is stopped"):  # Ray may start the job all the same
        run.claim("queued")


@needs_ray
@pytest.mark.slow
def test_doctor_looks_at_every_node_of_the_cluster(cluster, empty_workspace):
    def findings(**environment: str) -> list[dict[str, str]]:
        command = [sys.executable, "-m", "pipeline", "doctor", "--json"]
        printed = subprocess.run(command, capture_output=True, env={**os.environ, **environment})
        found = json.loads(printed.stdout)
        return [each for each in found if each["check"] in ("Ray", "node 127.0.0.1")]

    of_cluster, *of_nodes = findings()
    assert of_cluster["state"] == "ok" and "3 nodes" in of_cluster["finding"]
    assert len(of_nodes) == 3
    for check in of_nodes:
        assert check["state"] == "ok" and "writes to the workspace, clock" in check["finding"]
    assert list(empty_workspace.glob(".doctor*")) == []
    (refused,) = findings(RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN="")
    assert refused["state"] == "broken" and "asks for a token" in refused["finding"]


@needs_ray
@pytest.mark.slow
def test_the_trials_of_a_search_are_jobs_of_the_cluster(sample, cluster):
    set_max_parallel_runs(2)
    space = "learning_rate=log(1e-4,1e-1)"
    search = start_search(Search.make("rates", ENDLESS, space, 2, "random", seed=0))

    wait_for(lambda: len(list_runs()) == 2, 90)
    for run in list_runs():
        wait_for_epoch(run, 1)
        assert run.status().engine == "ray" and run.status().job.startswith(run.name)
    cancel_search(search)

    wait_for(lambda: {run.state() for run in list_runs()} == {"stopped"}, 60)


@needs_ray
@pytest.mark.slow
def test_a_run_outlives_its_node_and_says_when_the_cluster_is_gone(sample, cluster):
    set_max_parallel_runs(2)
    runs = [queue.submit(ENDLESS) for _ in range(2)]
    for run in runs:
        wait_for_epoch(run, 1)

    cluster.tell("kill")
    killed_at = time.monotonic()
    wait_for(lambda: "interrupted" in [run.state() for run in runs], 40)
    lost, other = sorted(runs, key=lambda run: run.state() != "interrupted")
    wait_for(lambda: "was lost" in lost.status().message, 40)
    assert other.state() == "running", time.monotonic() - killed_at
    done = len(lost.history())
    queue.resume(lost)
    queue.stop(other)  # its node is free then
    wait_for_epoch(lost, done + 1)
    assert other.state() == "stopped"

    cluster.end()
    wait_for(lambda: "does not answer" in lost.status().message, 40)
    assert lost.state() == "interrupted"
    check_resumable(lost)


@pytest.mark.slow
@needs_ray
def test_a_run_that_no_cluster_can_take_is_interrupted_and_says_why(
    sample, no_worker, empty_workspace, monkeypatch
):
    monkeypatch.delenv("EMOTION_RAY_ADDRESS", raising=False)
    queue.set_engine("ray")
    (run,) = submit(1)

    run_pipeline("work", empty_workspace)

    assert run.state() == "interrupted" and "Where is the Ray cluster?" in run.status().message
    check_resumable(run)


@pytest.fixture
def nobody(monkeypatch) -> str:
    """The address of a cluster that is down; to find that out takes no time."""
    monkeypatch.setattr(ray, "_RETRY_S", (0, 0))
    monkeypatch.setattr(ray, "_SILENT_S", 0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.mark.slow
@needs_ray
def test_a_run_stays_queued_while_its_cluster_is_down_and_goes_on_after(sample, no_worker, nobody):
    queue.set_engine("ray", address=nobody)
    set_max_parallel_runs(2)
    waiting, submitted = submit(2)
    submitted.update_status(engine="ray", job="a-job", address=nobody)  # and forgotten since
    thread = threading.Thread(target=worker.work, daemon=True)
    thread.start()
    for run in (waiting, submitted):
        wait_for(lambda run=run: f"{nobody} does not answer" in run.status().message)
        assert run.state() == "queued"

    with fake_cluster(port=int(nobody.rpartition(":")[2])) as cluster:
        for run in (waiting, submitted):
            wait_for(lambda run=run: run.status().job in cluster.jobs and not run.status().message)
            queue.stop(run)
        thread.join(30)
    assert not thread.is_alive() and len(cluster.jobs) == 2


@pytest.mark.slow
@needs_ray
def test_a_run_whose_cluster_is_down_keeps_none_from_starting_elsewhere_and_can_be_stopped(
    sample, no_worker, nobody, monkeypatch
):
    monkeypatch.setattr(sys, "executable", "false")
    queue.set_engine(address=nobody)
    bound, local = submit(2)
    bound.update_status(engine="ray", job="a-job", address=nobody)
    thread = threading.Thread(target=worker.work, daemon=True)
    thread.start()
    wait_for(lambda: local.state() == "failed")

    with fake_cluster() as cluster:
        (elsewhere,) = submit(1)
        wait_for(lambda: elsewhere.status().job in cluster.jobs)
        assert bound.state() == "queued"
        for run in (bound, elsewhere):
            queue.stop(run)
        thread.join(30)
    assert not thread.is_alive() and bound.state() == "stopped"


def test_without_the_extra_a_sentence_names_it(sample, no_worker, monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install '\.\[ray\]'"):
        queue.set_engine("ray")
    change_settings(engine="ray", address="http://127.0.0.1:1")  # as set by another machine
    (run,) = submit(1)

    worker.work()

    assert run.state() == "interrupted" and "pip install '.[ray]'" in run.status().message


def test_a_job_gets_what_a_training_reads_but_no_secret_and_a_thread_for_each_cpu(monkeypatch):
    documented = "".join(page.read_text() for page in Path("docs").glob("*.md"))
    secret = {"EMOTION_JOB", *re.findall(r"EMOTION_[A-Z_]*[A-Z]", documented)}
    secret.discard("EMOTION_WORKSPACE")
    assert {"EMOTION_API_TOKEN", "EMOTION_TURN_SECRET", "EMOTION_WEBHOOK"} <= secret
    for name in (*secret, "KERAS_HOME", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "9")

    passed = ray.environment(QueueSettings(cpus=3))

    assert passed["KERAS_HOME"] == "9" and passed["EMOTION_WORKSPACE"].startswith("/")
    assert passed["OMP_NUM_THREADS"] == passed["TF_NUM_INTRAOP_THREADS"] == "3"
    assert not secret & passed.keys()


@dataclass
class FakeCluster:
    """The HTTP interface of a cluster whose jobs never begin.

    Args:
        loses_answer: it does not answer the first submission, which it obeys.
        refusal: its answer to each submission, unless it is empty.
    """

    loses_answer: bool = False
    refusal: str = ""
    address: str = ""
    jobs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str, content: bytes) -> tuple[int, object] | None:
        if path == "/api/version":
            return 200, {"version": "4", "ray_version": "2.60.0", "ray_commit": ""}
        self.requests.append(path)
        name = path.removeprefix("/api/jobs/").removesuffix("/stop")
        if not name:
            return self._submit(json.loads(content)["submission_id"])
        if path.endswith("/stop"):
            return 200, {"stopped": True}
        if name in self.jobs:
            return 200, {"type": "SUBMISSION", "status": "PENDING", "entrypoint": ""}
        return 404, f"Job {name} does not exist"

    def _submit(self, job: str) -> tuple[int, object] | None:
        if self.refusal:
            return 500, self.refusal
        if job in self.jobs:
            return 500, f"Job with submission_id {job} already exists."
        self.jobs.append(job)
        if self.loses_answer and len(self.requests) == 1:
            return None
        return 200, {"job_id": None, "submission_id": job}


@contextmanager
def fake_cluster(port: int = 0, **options: object) -> Iterator[FakeCluster]:
    cluster = FakeCluster(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = cluster.answer(self.path, content)
            if answer is None:
                self.close_connection = True
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cluster.address = f"http://127.0.0.1:{server.server_port}"
        queue.set_engine("ray", address=cluster.address)
        yield cluster
        server.shutdown()


@pytest.mark.slow
@needs_ray
def test_a_job_whose_acceptance_was_lost_stays_with_its_cluster(sample, no_worker):
    with fake_cluster(loses_answer=True) as cluster:
        (run,) = submit(1)
        ENGINES["ray"].start(run)
        assert cluster.requests == ["/api/jobs/"] * 2 and run.state() == "queued"
        job = run.status().job

        queue.set_engine("local", address="")  # of runs that start from now on
        queue.stop(run)

    assert run.state() == "stopped" and cluster.requests[2:] == [f"/api/jobs/{job}/stop"]


@pytest.mark.slow
@needs_ray
def test_a_job_that_the_cluster_refuses_is_stopped_and_its_run_resumes_without_it(
    sample, no_worker
):
    with fake_cluster(refusal="no more jobs") as cluster:
        (run,) = submit(1)
        worker.work()
        submitted, stopped = cluster.requests
    assert submitted == "/api/jobs/" and stopped.endswith("/stop")
    message = run.status().message
    assert run.state() == "interrupted" and "refuses" in message and "no more jobs" in message

    for resume in (partial(run.enqueue, "stopped"), partial(run.claim, "stopped")):
        run.update_status(state="stopped", engine="ray", job="a-job", address=cluster.address)
        resume()
        status = run.status()
        assert (status.engine, status.job, status.address) == ("local", "", "")


@needs_ray
def test_a_cluster_that_does_not_answer_is_asked_once(sample, no_worker, monkeypatch):
    connections = 0

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            nonlocal connections
            connections += 1  # and hang up

    monkeypatch.setattr(ray, "_RETRY_S", (0, 0))
    monkeypatch.setattr(ray, "_SILENT_S", 600)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        runs = submit(3)
        for run in runs:
            run.update_status(engine="ray", job="a-job", address=address)
            assert not ENGINES["ray"].poll(Handle.of(run, run.status()))
            assert run.state() == "queued" and "does not answer" in run.status().message
        server.shutdown()
    assert connections == 3  # of the first run


@needs_ray
def test_a_run_that_lives_again_while_the_cluster_is_asked_is_not_lost(sample, no_worker):
    with fake_cluster() as cluster:
        (run,) = submit(1)
        handle = ENGINES["ray"].start(run)
        stale = {"state": "running", "host": "far", "pid": 1, "heartbeat": time.time() - 60}
        run.update_status(**stale)
        assert run.state() == "interrupted"
        run.update_status(heartbeat=time.time())

        assert not ray._record_loss(handle, "It was lost.")

    assert run.state() == "running" and len(cluster.requests) == 1
