import errno
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil
import pytest
from filelock import Timeout

from pipeline import locks
from pipeline.errors import UserError
from pipeline.locks import CLAIM_LOST_S, lock_kind, locked
from pipeline.storage import (
    cannot_write,
    csv_text,
    on_network,
    partial_path,
    read_csv_cell,
    remove_leftovers,
    write_json,
    write_output,
)
from pipeline.workspace import PROJECT, check_name, datasets_folder, workspace
from tests.conftest import wait_for


def test_the_workspace_is_in_the_project_unless_the_environment_names_another(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path / "x" / ".." / "y"))
    assert workspace() == tmp_path / "y"
    assert datasets_folder() == tmp_path / "y" / "datasets"

    monkeypatch.setenv("EMOTION_WORKSPACE", "")
    assert workspace() == PROJECT / "workspace"
    monkeypatch.delenv("EMOTION_WORKSPACE")
    assert workspace() == PROJECT / "workspace"


def test_only_plain_names_can_be_names_of_folders():
    for name in ("a", "fer2013", "A-b_c.d", "0", "x" * 64):
        assert check_name(name) == name
    for name in ("", ".", "..", ".a", "-a", "a/b", "a\\b", "a b", "é", "x" * 65):
        with pytest.raises(UserError, match="cannot be used"):
            check_name(name)


def test_a_file_is_written_whole_or_not_at_all_and_leaves_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1]})

    with pytest.raises(TypeError):
        write_json(path, {"a": object()})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"a": [2]})

    assert json.loads(path.read_text()) == {"a": [1]} and os.listdir(tmp_path) == ["a.json"]


def test_what_a_killed_process_left_unfinished_is_deleted_and_nothing_else(tmp_path):
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    whole = [tmp_path / "a.json", tmp_path / "run" / ".20261128-190742-custom_cnn-1.5"]
    ours = [tmp_path / "run" / f".{os.getpid()}-1.status.json"]
    left = [tmp_path / "run" / f".{ended}-1.status.json", tmp_path / f".{ended}-1.folder" / "x.bin"]
    for path in (*whole, *ours, *left):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")

    remove_leftovers(tmp_path)
    assert all(path.exists() for path in (*whole, *ours))
    assert not any(path.exists() for path in (*left, left[1].parent))


def test_a_text_of_a_table_is_a_formula_to_no_spreadsheet():
    formulas = ["=1+1", "+a", "-a", "-1+1", "@a", "\ta", "\ra", "\na", "'=a", "''-a", "-"]
    others = ["a=b", "a, b", "-1.5", "+2", "-1e-9", "'a"]
    table = pd.DataFrame({"id": formulas + others, "n": -1.5})

    read = pd.read_csv(io.StringIO(csv_text(table)))
    assert read["id"].tolist() == [f"'{text}" for text in formulas] + others
    assert read["n"].tolist() == [-1.5] * len(table)
    assert [read_csv_cell(text) for text in read["id"]] == formulas + others


def test_every_table_is_written_with_its_formulas_quoted():
    for path in (*(PROJECT / "pipeline").rglob("*.py"), *(PROJECT / "dashboard").rglob("*.py")):
        source = path.read_text()
        if path.name != "import_jobs.py":  # which quotes an option of a command as in a CSV
            writes = "to_csv(index" in source or "csv.writer(" in source
            assert not writes or "csv_cell" in source or "csv_row(" in source, path


def test_an_output_is_a_new_or_a_regular_file_and_no_link(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "old.csv")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("pipe", "link", "dangling", ".", "/dev/null", "/dev/stdout"):
        with pytest.raises(UserError):
            write_output(tmp_path / name, "new")
    assert (tmp_path / "old.csv").read_text() == "old" and not (tmp_path / "nothing").exists()

    for name in ("old.csv", "new.csv"):
        write_output(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == "new"


def test_a_file_that_cannot_be_written_is_explained_with_reason_and_cure():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert str(cannot_write("The run cannot be written to /data", full)) == (
        "The run cannot be written to /data (No space left on device): free some space there, or "
        "make it writable."
    )
    assert str(cannot_write("a.csv cannot be written", OSError("odd"), "choose another file")) == (
        "a.csv cannot be written (odd): choose another file."
    )


class Mount(NamedTuple):
    """What psutil tells of a mounted file system."""

    mountpoint: str
    fstype: str


@pytest.fixture
def network(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder that looks as if it were on a network's file system."""
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), "nfs4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    on_network.cache_clear()
    yield tmp_path
    on_network.cache_clear()


@pytest.mark.slow
def test_a_lock_on_a_network_is_a_claim_that_outlives_its_process_by_a_minute(network, monkeypatch):
    program = (
        "import sys, time; from pathlib import Path; from pipeline import locks\n"
        "locks.on_network = lambda folder: True\n"
        "with locks.locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    lock = network / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    for _ in range(2):  # also after its death: it may have been another machine's
        with pytest.raises(Timeout), locked(lock, timeout_s=0.3):
            pass
        holder.kill()
        holder.wait()
        holder.stdout.close()
    claims = list(network.rglob("*.claim"))
    for claim in claims:
        os.utime(claim, (time.time() - CLAIM_LOST_S - 1,) * 2)

    monkeypatch.setattr(locks, "_RENEW_S", 0.05)
    with locked(lock, timeout_s=0):
        (held,) = network.rglob("held-*.claim")
        assert held not in claims
        os.utime(held, (0, 0))
        wait_for(lambda: held.stat().st_mtime > time.time() - 10)
        with pytest.raises(Timeout), locked(lock, timeout_s=0.3):
            pass
    with locked(lock, timeout_s=0):
        pass
    assert not list(network.glob("*.now")) and "claim" in lock_kind(network)
    assert "flock" in lock_kind(Path("/"))


def test_what_another_machine_may_be_writing_is_not_deleted(network):
    assert on_network(network) and not on_network(Path("/"))
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    young, old = network / f".{ended}-1.young.json", network / f".{ended}-1.old.json"
    for path in (young, old):
        path.write_text("x")
    os.utime(old, (time.time() - 2 * 86400,) * 2)

    remove_leftovers(network)
    assert young.exists() and not old.exists()


def test_what_another_container_writes_on_the_same_disk_is_not_deleted(tmp_path, monkeypatch):
    ours = partial_path(tmp_path / "a.json")
    ours.write_text("x")
    monkeypatch.setattr(socket, "gethostname", lambda: "app-2")  # its process ids are others
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: False)
    assert partial_path(tmp_path / "a.json") != ours
    remove_leftovers(tmp_path)
    assert ours.exists()
    os.utime(ours, (time.time() - 2 * 86400,) * 2)
    remove_leftovers(tmp_path)
    assert not ours.exists()
