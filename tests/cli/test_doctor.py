import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import ice, locks
from pipeline.cli import app, doctor, sign_in
from pipeline.cli.connections import video_connections
from pipeline.config.train_config import TrainConfig
from pipeline.runs import create_run
from pipeline.storage import write_json
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import noise, store_faces


def check() -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit status, and each check by its name."""
    result = CliRunner().invoke(app, ("doctor", "--json"))
    return result.exit_code, {row["check"]: row for row in json.loads(result.stdout)}


def test_a_machine_where_all_is_well_has_no_cure_to_take(empty_workspace):
    store_faces([noise(0)])
    create_run(TrainConfig(dataset="faces"), "f" * 64)

    code, checks = check()
    assert code == 0 and {row["state"] for row in checks.values()} <= {"ok", "note"}
    assert "bundled models" in checks["runs"]["finding"]
    assert checks["workspace"]["finding"].startswith(str(empty_workspace))
    assert (
        "default f32" in checks["processor"]["finding"] or "BF16" in checks["processor"]["finding"]
    )


def test_what_is_broken_is_named_with_a_cure_and_ends_with_status_1(empty_workspace, monkeypatch):
    monkeypatch.setattr(doctor, "package_version", lambda name: "0.0.1")
    store_faces([noise(0)])
    (dataset_folder("faces") / "index.parquet").write_bytes(b"no table")
    run = create_run(TrainConfig(dataset="faces"), "f" * 64)
    run.notes_path.write_text("{")
    run.update_status(state="running", pid=1, process_started=-1.0)
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    write_json(run.path / f".{ended}-1.status.json", {})
    tomorrow = time.time() + 86_400
    os.utime(run.status_path, (tomorrow, tomorrow))

    code, checks = check()
    assert code == 1
    for name in ("packages", "data set faces", "clock"):
        assert checks[name]["state"] == "broken" and checks[name]["cure"], name
    assert checks["leftovers"]["state"] == "note"
    assert checks[f"run {run.name}"]["cure"] == f"train --resume {run.name}"


@pytest.mark.slow
def test_runs_that_nobody_trains_and_what_stands_in_their_way_are_named(
    empty_workspace, monkeypatch
):
    queued, lost, held = (create_run(TrainConfig(dataset="faces"), "f" * 64) for _ in range(3))
    lost.status_path.write_text("{")
    held.update_status(state="stopped")

    with held.training():
        code, checks = check()
    assert code == 1
    assert checks["queue"]["finding"] == "1 runs wait, and no worker is alive"
    assert (
        checks[f"run {lost.name}"]["cure"] == f"train --resume {lost.name}, or remove {lost.name}"
    )
    found = checks[f"run {held.name}"]
    assert "holds its lock" in found["finding"]
    assert found["cure"] == f"end it: fuser {held.path / 'training.lock'}"
    monkeypatch.setattr(locks, "on_network", lambda folder: True)
    with held.training():
        cure = check()[1][f"run {held.name}"]["cure"]
    assert cure == f"end it: process {os.getpid()} on {socket.gethostname()}"
    assert f"run {queued.name}" not in checks

    folder = empty_workspace / "imports" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "process.json", {"pid": 1, "started": -1.0})
    (folder / "log").write_text("The archive is damaged.\n")
    assert check()[1]["import faces"]["finding"] == "The archive is damaged."


@pytest.fixture
def closed_folder(empty_workspace) -> Iterator[Path]:
    """The folder of a run that may not be written to, not even by root."""
    folder = create_run(TrainConfig(dataset="faces"), "f" * 64).path
    folder.chmod(0o500)
    if os.access(folder, os.W_OK) and subprocess.run(["chattr", "+i", folder]).returncode:
        pytest.skip("root may write everywhere, and the file system has no immutable files")
    yield folder
    if os.geteuid() == 0:
        subprocess.run(["chattr", "-i", folder])
    folder.chmod(0o700)


def test_a_folder_that_cannot_be_written_is_broken(closed_folder):
    code, checks = check()
    assert code == 1
    assert checks[f"permission of {closed_folder.name}"]["finding"].startswith(str(closed_folder))


def test_a_workspace_that_cannot_be_written_is_broken(empty_workspace):
    empty_workspace.write_text("a file in its place")

    code, checks = check()
    assert code == 1 and "EMOTION_WORKSPACE" in checks["workspace"]["cure"]


SIGN_IN = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "{secret}"
client_id = "x"
client_secret = "x"
server_metadata_url = "https://example.org/.well-known/openid-configuration"

[access]
editors = ["ann@lab.org"]
"""


def test_settings_of_sign_in_and_server_are_checked_with_a_cure(
    empty_workspace, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sign_in, "version", lambda name: "1.9.9")
    assert "not set up" in check()[1]["sign-in"]["finding"]
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    network = check()[1]["network"]
    assert network["state"] == "note" and "read-only" in network["finding"] and network["cure"]

    good = SIGN_IN.format(secret="s" * 32)
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.touch(0o600)
    for change, state, finding in (
        (("", ""), "ok", "is set up"),
        (("[auth]", "[auth"), "broken", "cannot be read"),
        (("s" * 32, "s"), "note", "too short"),
        (('cookie_secret = "', 'other = "'), "broken", "no cookie_secret"),
        (("client_id", "id"), "broken", "[auth] has no client_id"),
        (("/oauth2callback", "/"), "broken", "redirect_uri is"),
        (("http://localhost", "http://example.org"), "broken", "not https"),
        (("http://localhost", "https://example.org"), "note", "does not answer under example.org"),
        (("ann@lab.org", "lab.org"), "broken", "'lab.org' is no address"),
        (('["ann@lab.org"]', "[]"), "broken", "nobody gets in"),
        (('["ann@lab.org"]', "5"), "broken", "'5' is no address"),
        (("editors", "viewers"), "note", "nobody is an editor"),
    ):
        secrets.write_text(good.replace(*change))
        problems = problems_of_sign_in()
        assert any(finding in each["finding"] for each in problems), change
        assert {each["state"] for each in problems if finding in each["finding"]} == {state}
        assert all(each["cure"] for each in problems if each["state"] != "ok"), change
        assert (state == "broken") == any(each["state"] == "broken" for each in problems), change
    assert "read-only" not in check()[1]["network"]["finding"]

    secrets.write_text(good)
    secrets.chmod(0o644)
    assert "chmod 600" in problems_of_sign_in()[0]["cure"]
    monkeypatch.setattr(sign_in, "version", version_of_nothing)
    assert any("authlib is not installed" in each["finding"] for each in problems_of_sign_in())


def version_of_nothing(name: str) -> str:
    raise PackageNotFoundError(name)


def problems_of_sign_in() -> list[dict[str, str]]:
    return [check._asdict() for check in doctor._sign_in()]


def test_a_lock_that_cannot_be_written_is_broken(empty_workspace):
    create_run(TrainConfig(dataset="d"), "f" * 64)
    (empty_workspace / "queue.lock").mkdir()  # nor can root write it

    code, checks = check()
    assert code == 1 and "queue.lock cannot be written" in checks["queue"]["finding"]


def test_video_connections_are_broken_without_an_address_or_the_relay_that_is_set(monkeypatch):
    stun, turn = '[{"urls": "stun:s.test"}]', '[{"urls": "turn:t.test"}]'
    monkeypatch.setenv("EMOTION_TURN_SECRET", "secret")
    for servers, found, state in (
        ("[]", {"host"}, "ok"),
        ("[]", set(), "broken"),
        (stun, {"host", "srflx"}, "ok"),
        (stun, {"host"}, "note"),  # no router between them
        (stun, set(), "broken"),
        (turn, {"host", "relay"}, "ok"),
        (turn, {"host", "srflx"}, "broken"),
    ):
        monkeypatch.setenv("EMOTION_ICE_SERVERS", servers)
        monkeypatch.setattr(ice, "server_candidates", lambda asked, found=found: found)
        assert video_connections()[0] == state, (servers, found)
