import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline import jobs
from pipeline.errors import UserError
from pipeline.jobs import Job
from pipeline.processes import ProcessId, start_pipeline
from tests.conftest import wait_for


@dataclass(frozen=True)
class Listing(Job):
    root: Path
    words: tuple[str, ...] = ("datasets", "--json")

    @property
    def folder(self) -> Path:
        return self.root / "job"

    @property
    def command(self) -> list[str]:
        return list(self.words)


@pytest.fixture
def job(tmp_path) -> Listing:
    return Listing(tmp_path)


def test_a_job_runs_until_its_command_ends(job):
    job.start()
    assert job.running()
    wait_for(lambda: not job.running())

    assert (job.folder / "log").read_text() == "[]\n"


def test_a_failed_job_tells_the_last_line_it_printed(job):
    failing = Listing(job.root, ("remove", "nothing"))
    failing.start()
    wait_for(lambda: not failing.running())

    assert "no data set or run 'nothing'" in failing.failure()
    failing.clear()
    assert failing.failure() is None


def test_progress_is_noted_only_for_work_that_was_started_as_a_job(job):
    job.report(0.5)
    assert not job.folder.exists() and job.progress() == 0

    job.folder.mkdir()
    job.report(0.5)
    assert job.progress() == 0.5


def test_progress_that_cannot_be_noted_does_not_fail_the_work(job):
    (job.folder / "progress").mkdir(parents=True)
    job.report(0.5)

    assert job.progress() == 0


def test_a_job_that_cannot_write_its_files_says_so_in_one_sentence(tmp_path):
    job = Listing(tmp_path / "file")
    job.root.write_text("in the way")

    with pytest.raises(
        UserError, match=r"^'datasets' cannot start, its files in [^\n]* cannot be w"
    ):
        job.start()
    assert not job.running() and job.failure() is None


def test_a_process_that_cannot_be_noted_is_stopped(job, monkeypatch):
    started = []

    def start(*arguments):
        started.append(start_pipeline(*arguments))
        return started[0]

    monkeypatch.setattr(jobs, "start_pipeline", start)
    (job.folder / "process.json").mkdir(parents=True)
    with pytest.raises(UserError, match="Is a directory"):
        job.start()

    wait_for(lambda: started[0].find() is None, seconds=2)
    assert not job.folder.exists()


def test_a_process_is_known_by_its_id_and_its_start():
    ours = ProcessId.of(os.getpid())

    assert ours.find().pid == os.getpid()
    assert ProcessId(pid=ours.pid, started=ours.started - 100).find() is None
    assert ProcessId.of(2**22 + 1).find() is None
