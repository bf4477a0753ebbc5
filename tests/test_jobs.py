import errno
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pipeline import jobs
from pipeline.cli.output import progress
from pipeline.errors import UserError
from pipeline.jobs import (
    JOB_VARIABLE,
    Job,
    ProcessId,
    add_model_job,
    audit_job,
    dataset_jobs,
    estimate_job,
    evaluation_job,
    export_job,
    import_job,
    import_jobs,
    map_job,
    running_estimate,
    speed_job,
    start_pipeline,
    video_job,
)
from tests.conftest import wait_for


@pytest.fixture
def job(tmp_path) -> Job:
    return Job(tmp_path / "job", ("datasets", "--json"))


def failed(job: Job, printed: str) -> Job:
    job.folder.mkdir(parents=True)
    (job.folder / "process.json").write_text('{"pid": 1, "started": 0.0}')
    (job.folder / "log").write_text(printed)
    return job


def test_a_job_runs_until_its_command_ends_and_is_found_again_after_a_reload(job):
    job.start()
    again = Job(job.folder)
    assert job.running() and again.running() and again.failure() is None
    process = again.process()
    job.start()
    assert job.process() == process, "started once"
    wait_for(lambda: not again.running())

    assert (job.folder / "log").read_text() == "[]\n"


@pytest.mark.skipif(not psutil.LINUX, reason="reads /proc")
def test_a_job_and_what_it_starts_have_low_priority(job, monkeypatch):
    monkeypatch.delenv("EMOTION_JOB_NICE")
    job.start()
    process = job.process()
    assert process.nice() >= 10
    autogroup = Path(f"/proc/{process.pid}/autogroup")
    assert not autogroup.is_file() or autogroup.read_text().split()[-1] == "10"
    job.cancel()


def test_imports_and_estimates_are_found_again_by_their_folders():
    for job, found in (
        (import_job("faces", "no.csv"), import_jobs),
        (estimate_job("key", ["--dataset", "no"]), lambda: [running_estimate()]),
    ):
        job.start()
        (again,) = found()
        assert again.folder == job.folder and again.running()
        again.cancel()
        assert not job.running() and not job.folder.exists()


def test_a_killed_job_has_failed_until_it_is_started_again_or_canceled(job):
    job.start()
    os.kill(job.process().pid, signal.SIGKILL)
    wait_for(lambda: not job.running())
    assert job.failure() == "The process ended without a message."

    job.start()
    assert job.running() and job.failure() is None
    job.cancel()
    assert not job.running() and job.failure() is None and not job.folder.exists()


@pytest.mark.slow
def test_a_canceled_job_leaves_none_of_the_processes_that_it_started(tmp_path):
    os.mkfifo(tmp_path / "model.onnx")  # who opens it waits
    known = ("--scale", "0..1", "--labels", "fer2013")
    job = add_model_job("theirs", str(tmp_path / "model.onnx"), known)
    job.start()
    wait_for(lambda: _reader(job))
    child = ProcessId.of(_reader(job).pid)
    assert child.find() is not None

    job.cancel()

    wait_for(lambda: child.find() is None, seconds=5)


def _reader(job: Job) -> psutil.Process | None:
    """Return the process that reads the model; imports start others, which end at once."""
    for each in job.process().children():
        with suppress(psutil.NoSuchProcess):
            if "pipeline.registry.import_model" in each.cmdline():
                return each
    return None


@pytest.mark.slow
def test_a_failed_job_shows_the_last_line_it_printed(job):
    failing = Job(job.folder, ("remove", "nothing"))
    failing.start()
    wait_for(lambda: not failing.running())

    assert "no data set or run 'nothing'" in failing.failure()
    failing.clear()
    assert failing.failure() is None


def test_a_failure_is_a_sentence_without_the_folder_of_the_job(tmp_path):
    job = failed(Job(tmp_path / "job"), f"Loading\n{tmp_path}/in.mp4 cannot be read.\n\n")

    assert job.failure() == "in.mp4 cannot be read."


def test_an_estimate_that_was_killed_names_the_likely_reason():
    for printed, expected in (
        ("", "perhaps for lack of memory"),
        ("I0000 computation placer\n", "perhaps for lack of memory"),
        ("Data set 'x' is gone.\n", "Data set 'x' is gone."),
    ):
        job = estimate_job("key", [])
        job.clear()
        assert expected in failed(job, printed).failure(), printed


def test_a_command_reports_to_the_job_it_was_started_as_and_clears_it(job, monkeypatch):
    with progress("By hand") as advance:
        advance(0.5)
    assert not job.folder.exists() and job.progress() == 0

    job.folder.mkdir()
    monkeypatch.setenv(JOB_VARIABLE, str(job.folder))
    with progress("As a job") as advance:
        advance(0.5)
        assert job.progress() == 0.5
    assert not job.folder.exists()

    with progress("Canceled") as advance:
        advance(0.5)
    assert not job.folder.exists()


def test_progress_that_cannot_be_written_does_not_fail_the_work(job, monkeypatch):
    (job.folder / "progress").mkdir(parents=True)
    monkeypatch.setenv(JOB_VARIABLE, str(job.folder))
    with progress("As a job") as advance:
        advance(0.5)
        assert job.progress() == 0


def test_the_job_of_a_process_is_not_that_of_the_processes_it_starts(tmp_path, monkeypatch):
    given = []

    def popen(command, env, **_):
        given.append(env.get(JOB_VARIABLE))
        raise OSError

    monkeypatch.setenv(JOB_VARIABLE, "outer")
    monkeypatch.setattr(jobs.subprocess, "Popen", popen)
    for folder in (None, tmp_path / "inner"):
        with pytest.raises(OSError):
            start_pipeline(["work"], tmp_path / "log", folder)

    assert given == [None, str(tmp_path / "inner")]


def test_a_job_that_cannot_write_its_files_fails_with_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    blocked = Job(tmp_path / "file" / "job", ("datasets",))
    with pytest.raises(
        UserError, match=r"^'datasets' cannot start, its files in [^\n]* cannot be w"
    ):
        blocked.start()
    assert not blocked.running() and blocked.failure() is None

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(jobs, "start_pipeline", full)
    job = Job(tmp_path / "job", ("datasets",))
    with pytest.raises(UserError, match=r"No space left on device\): free some space"):
        job.start()
    assert not job.folder.exists()


def test_a_process_that_could_not_be_found_again_is_killed(job, monkeypatch):
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
    process = ProcessId.of(os.getpid())

    assert process.find().pid == os.getpid()
    assert ProcessId(pid=process.pid, started=process.started - 100).find() is None
    assert ProcessId.of(2**22 + 1).find() is None


def test_a_clock_that_is_set_makes_no_living_process_unknown(monkeypatch):
    process = ProcessId.of(os.getpid())
    by_the_clock = psutil.Process().create_time()

    older = ProcessId(pid=os.getpid(), started=by_the_clock)
    assert older.find() is not None, "stored by an older version"
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: by_the_clock + 1)
    assert process.find() is not None and older.find() is None


def test_different_jobs_never_share_a_folder_except_speed_measurements(tmp_path):
    target, table = tmp_path / "a-haar" / "annotated.mp4", tmp_path / "a-haar" / "faces.csv"
    jobs = [
        import_job("a", "sample", ["--split", "test"]),
        audit_job("a"),
        *(map_job(*of) for of in (("a",), ("a", "b"), ("a-b",), ("a-b", "c"), ("a", "b-c"))),
        evaluation_job("m", "faces", "f" * 64, "test"),
        evaluation_job("m", "faces", "f" * 12, "test", "twins"),
        speed_job(["a", "b"]),
        *(export_job(*of) for of in (("a",), ("a", "int8"), ("a-int8",))),
        estimate_job("key", ["--dataset", "a"]),
        video_job("a", tmp_path / "in.mp4", target, table, "haar"),
    ]

    assert len({job.folder for job in jobs}) == len(jobs)
    assert speed_job(["c"]).folder == speed_job(["a", "b"]).folder
    assert [" ".join(job.command) for job in jobs] == [
        "import sample --split test --name a",
        "audit a",
        "map a",
        "map a --model b",
        "map a-b",
        "map a-b --model c",
        "map a --model b-c",
        "evaluate m --dataset faces --split test",
        "evaluate m --dataset faces --split test --exclude twins",
        "speed a b",
        "export a",
        "export a --int8",
        "export a-int8",
        "estimate --dataset a --again",
        f"video a {tmp_path}/in.mp4 {target} --csv {table} --detector haar",
    ]


def test_the_jobs_of_a_data_set_are_its_audit_and_its_maps():
    expected = [audit_job("a"), map_job("a"), map_job("a", "b")]
    for job in [*expected, audit_job("a-b"), map_job("a-b")]:
        job.folder.mkdir(parents=True)

    assert {job.folder for job in dataset_jobs("a")} == {job.folder for job in expected}


def test_a_job_of_another_container_runs_until_it_is_done_or_silent_for_a_day(job, monkeypatch):
    job = failed(job, "")
    process = {**ProcessId.of(os.getpid()).model_dump(), "host": "app-2"}
    (job.folder / "process.json").write_text(json.dumps(process))
    assert job.process() is None, "the process with that id here is another one"
    assert job.running() and job.failure() is None
    for path in job.folder.iterdir():
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    assert not job.running() and job.failure()
