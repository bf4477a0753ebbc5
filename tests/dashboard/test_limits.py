import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from dashboard import actions, limits
from pipeline.errors import UserError
from pipeline.jobs import Job, start_pipeline
from tests.conftest import wait_for
from tests.dashboard.made_runs import CONFIG, make_queued


def test_uploads_are_checked_by_kind_before_they_are_copied(monkeypatch):
    monkeypatch.setenv("EMOTION_MAX_VIDEO_MB", "2")
    file = SimpleNamespace(name="clip.mp4", size=3 * 2**20)  # no content, which would be read

    limits.check_upload(file, "image")
    limits.check_upload(file, "import")
    with pytest.raises(UserError, match=r"clip.mp4 has 3 MB: at most 2 MB"):
        limits.check_upload(file, "video")
    for text, expected in (("-1", 400), ("nan", 400), ("inf", 400), ("x", 400), ("7.5", 7)):
        monkeypatch.setenv("EMOTION_MAX_VIDEO_MB", text)
        assert limits.max_upload_mb("video") == expected, text


def test_runs_are_queued_up_to_the_limit(monkeypatch):
    monkeypatch.setenv("EMOTION_MAX_QUEUED_RUNS", "3")
    stopped, _ = make_queued("first", "second")
    with pytest.raises(UserError, match="2 runs are queued, and this server takes 3"):
        actions.start_experiment("lr", [("a", CONFIG), ("b", CONFIG)])
    make_queued("third")
    with pytest.raises(UserError, match="3 runs are queued"):
        actions.resume_run(stopped)


@pytest.mark.slow
def test_jobs_start_up_to_the_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_MAX_JOBS", "1")
    started: list[str] = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job.folder.name))
    running = start_pipeline(["train", "--help"], tmp_path / "log")  # takes a second
    for start in (actions.start_job, actions.start_own_job):
        with pytest.raises(UserError, match="already runs 1 jobs"):
            start(Job(tmp_path / "late"))
    wait_for(lambda: running.find() is None)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        actions.start_job(Job(tmp_path / "next"))
        assert started == ["next"]
    finally:
        other.kill()
        other.wait()


def test_a_full_disk_or_workspace_takes_no_more(tmp_path, monkeypatch):
    limits.check_disk()
    (tmp_path / "large").write_bytes(bytes(3 * 2**20))
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("EMOTION_MAX_WORKSPACE_GB", "0.002")
    with pytest.raises(UserError, match="The workspace has 0.0 GB, and may have 0.002 GB"):
        limits.check_disk()
    monkeypatch.setenv("EMOTION_MIN_FREE_GB", str(psutil.disk_usage("/").total))
    for start in (lambda: actions.start_run(CONFIG), limits.check_jobs):
        with pytest.raises(UserError, match="GB must stay free"):
            start()
