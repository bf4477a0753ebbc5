"""Commands that the dashboard runs in detached processes and finds again after a reload.

A job has a folder with `process.json`, `log` and `progress`. The command clears it once all went
well, so a folder without a living process belongs to a job that failed. The command finds its
folder by the environment variable `EMOTION_JOB`; run by hand, it has none and reports nothing.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

from pipeline.storage import cannot_write, write_json
from pipeline.workspace import datasets_folder, evaluation_folder, runs_folder, workspace

JOB_VARIABLE = "EMOTION_JOB"
_NICE, _MAX_NICE = 10, 19
_SEARCH_LOST_AFTER_S = 180.0  # a search reports each second, but NFS may show that a minute late


class ProcessId(BaseModel):
    """A process by its id and its start time, because the system reuses ids.

    Args:
        pid: its id.
        started: when it started, seconds. On Linux they count from the start of the machine:
            psutil counts from 1970 by the wall clock, and so gives another time when that is set.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of a process; one that has ended already is never found again."""
        try:
            return cls(pid=pid, started=_start_time(psutil.Process(pid)))
        except (psutil.NoSuchProcess, OSError):
            return cls(pid=pid, started=0.0)

    def find(self) -> psutil.Process | None:
        """Return the process while it lives."""
        try:
            process = psutil.Process(self.pid)
            # Older versions stored seconds since 1970.
            same = self.started in (_start_time(process), process.create_time())
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.Error, OSError, ValueError, OverflowError):  # no id of a process
            return None


class _JobProcess(ProcessId):
    """The content of `process.json`: also the host or container that knows the id."""

    host: str = ""

    def elsewhere(self) -> bool:
        return self.host not in ("", socket.gethostname())


def _start_time(process: psutil.Process) -> float:
    if not psutil.LINUX:
        return process.create_time()
    fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def last_line(log: Path) -> str:
    """Return the last line of a file that is not blank; empty if there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def start_pipeline(
    arguments: Sequence[str], log: Path, job_folder: Path | None = None
) -> ProcessId:
    """Start `python -m pipeline …` in a process session of its own, at low priority.

    Args:
        arguments: what follows `python -m pipeline`.
        log: file to which both its outputs are appended.
        job_folder: the job that it reports its progress to, if any.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop(JOB_VARIABLE, None)  # that of a job which starts another process
    if job_folder is not None:
        environment[JOB_VARIABLE] = str(job_folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    _lower_priority(process.pid)
    identity = ProcessId.of(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    return identity


def _lower_priority(pid: int) -> None:
    """Let videos and pages go before a process and those that it will start.

    `$EMOTION_JOB_NICE` is by how much, from 0 (not at all) to 19.
    """
    given = os.environ.get("EMOTION_JOB_NICE", "")
    nice = min(int(given), _MAX_NICE) if given.isdecimal() else _NICE
    if not nice:
        return
    with suppress(psutil.Error, OSError):
        psutil.Process(pid).nice(nice)
    # Linux may share the processor among sessions first, and heed `nice` within each alone.
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def running_commands() -> int:
    """Return how many commands this process has started that run now, the queue's worker aside."""
    count = 0
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            command = child.cmdline()[1:4]
            count += command[:2] == ["-m", "pipeline"] and command[2:] != ["work"]
    return count


@dataclass(frozen=True)
class Job:
    """A command that runs in a detached process.

    Args:
        folder: of the job's files, an absolute path.
        command: what follows `python -m pipeline`; empty for a job that is only looked up.
        if_killed: the failure to show where the process did not end with a sentence.
        lost_after_s: after how many seconds without a report a process on another host counts as
            gone.
    """

    folder: Path
    command: tuple[str, ...] = ()
    if_killed: str = ""
    lost_after_s: float = 24 * 3600.0

    def start(self) -> None:
        """Start the command, unless it is running already.

        Raises:
            UserError: the job's files cannot be written; then nothing runs and nothing is left.
        """
        if self.running():
            return
        try:
            for name in ("log", "progress"):
                (self.folder / name).unlink(missing_ok=True)
            identity = start_pipeline(self.command, self.folder / "log", self.folder)
            try:
                content = {**identity.model_dump(), "host": socket.gethostname()}
                write_json(self.folder / "process.json", content)
            except OSError:
                if process := identity.find():
                    process.kill()  # it could not be found again
                raise
        except OSError as error:
            self.clear()
            raise cannot_write(
                f"'{self.command[0]}' cannot start, its files in {self.folder} cannot be written",
                error,
            ) from error

    def process(self) -> psutil.Process | None:
        """Return the process while it lives on this host."""
        identity = self._identity()
        return None if identity is None or identity.elsewhere() else identity.find()

    def running(self) -> bool:
        """Return whether the process lives; on another host, by its last report."""
        identity = self._identity()
        if identity is None or not identity.elsewhere():
            return self.process() is not None
        with suppress(OSError):
            times = (path.stat().st_mtime for path in self.folder.iterdir())
            return time.time() - max(times, default=0.0) < self.lost_after_s
        return False

    def _identity(self) -> "_JobProcess | None":
        try:
            text = (self.folder / "process.json").read_text()
            return _JobProcess.model_validate_json(text)
        except (OSError, ValueError):
            return None

    def progress(self) -> float:
        """Return how much is done, 0 to 1."""
        try:
            return min(1.0, max(0.0, float((self.folder / "progress").read_text())))
        except (OSError, ValueError):
            return 0.0

    def report(self, fraction: float) -> None:
        """Record how much is done, 0 to 1. For the command itself."""
        with suppress(OSError):  # no reason to fail: the disk is full, or the job was canceled
            (self.folder / "progress").write_text(f"{fraction:.3f}")

    def failure(self) -> str | None:
        """Return the last line that a failed process printed; None if none has failed.

        Paths next to the job's folder are shortened to their names.
        """
        if not self.folder.is_dir() or self.running():
            return None
        line = last_line(self.folder / "log")
        if not line.endswith(".") and self.if_killed:  # every `UserError` is a sentence
            return self.if_killed
        return line.replace(f"{self.folder.parent}/", "") or "The process ended without a message."

    def cancel(self) -> None:
        """Kill the process if it runs, with those that it has started, and clear the job.

        A worker of the queue lives on: what it trains may be others'.
        """
        process = self.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                for each in (*_started_by(process), process):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
            with suppress(psutil.TimeoutExpired):
                process.wait(5)
        self.clear()

    def clear(self) -> None:
        """Delete the job's folder, if there is one."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _started_by(process: psutil.Process) -> Iterator[psutil.Process]:
    """Yield what a process has started, and what that has; without workers of the queue."""
    for child in process.children():
        with suppress(psutil.NoSuchProcess):
            if child.cmdline()[1:4] != ["-m", "pipeline", "work"]:
                yield from _started_by(child)
                yield child


def current_job() -> Job | None:
    """Return the job that this process was started as; None for a command run by hand."""
    folder = os.environ.get(JOB_VARIABLE)
    return Job(Path(folder)) if folder else None


def import_job(name: str, source: str = "", options: Sequence[str] = ()) -> Job:
    """Return the import of a data set.

    Args:
        name: the new data set's.
        source: what the command imports.
        options: of the command.
    """
    return Job(_imports_folder() / name, ("import", source, *options, "--name", name))


def import_jobs() -> list[Job]:
    """Return the imports that run or have failed; their folders have the data sets' names."""
    return _find(_imports_folder())


def audit_job(dataset: str) -> Job:
    """Return the audit of a data set."""
    return Job(datasets_folder() / ".jobs" / f"audit-{dataset}", ("audit", dataset))


def map_job(dataset: str, model: str = "") -> Job:
    """Return the face map of a data set by a model's last features; by pixels without a model."""
    by_model = ("--model", model) if model else ()
    folder = datasets_folder() / ".jobs" / f"map-{dataset}@{model}"
    return Job(folder, ("map", dataset, *by_model))


def dataset_jobs(dataset: str) -> list[Job]:
    """Return the audit and the maps of a data set that run or have failed."""
    patterns = (f"audit-{dataset}", f"map-{dataset}@*")
    folder = datasets_folder() / ".jobs"
    return [Job(path) for pattern in patterns for path in folder.glob(pattern)]


def evaluation_job(
    model: str, dataset: str, fingerprint: str, split: str, exclude: str = ""
) -> Job:
    """Return the evaluation of a model on a split.

    Args:
        model: the model's name.
        dataset: the data set's name.
        fingerprint: the data set's, 12 characters or more.
        split: the split's name.
        exclude: the exclusion list whose faces are left out; empty for none.
    """
    name = "-".join(filter(None, (model, fingerprint[:12], split, exclude)))
    without = ("--exclude", exclude) if exclude else ()
    command = ("evaluate", model, "--dataset", dataset, "--split", split, *without)
    return Job(evaluation_folder() / ".jobs" / name, command)


def speed_job(models: Sequence[str]) -> Job:
    """Return the speed measurement of some models; one at a time, so that none disturbs another."""
    return Job(evaluation_folder() / ".jobs" / "speed", ("speed", *models))


def add_model_job(name: str, source: str = "", options: Sequence[str] = ()) -> Job:
    """Return the adding of a model file.

    Args:
        name: the new model's.
        source: the file or folder.
        options: of the command.
    """
    command = ("add-model", source, "--name", name, *options)
    return Job(_runs_jobs() / f"add-{name}", command)


def add_model_jobs() -> dict[str, Job]:
    """Return name → the adding of a model that runs or has failed."""
    return _named("add-")


def ensemble_job(name: str, models: Sequence[str]) -> Job:
    """Return the making of an ensemble of some models."""
    return Job(_runs_jobs() / f"ensemble-{name}", ("ensemble", name, *models))


def ensemble_jobs() -> dict[str, Job]:
    """Return name → the making of an ensemble that runs or has failed."""
    return _named("ensemble-")


def export_job(run: str, to: str = "openvino") -> Job:
    """Return the export of a run's model.

    Args:
        run: the run's name.
        to: a format of the command `export`, or `int8`.
    """
    if to == "openvino":
        return Job(_runs_jobs() / f"export-{run}", ("export", run))
    options = {"int8": ("--int8",), "tensorboard": ("--format", to)}
    command = ("export", run, *options.get(to, ("--format", to, "--example")))
    return Job(_runs_jobs() / f"export-{run}@{to}", command)


def finish_job(run: str) -> Job:
    """Return the export and evaluation of a trained run that has ended without them."""
    return Job(_runs_jobs() / f"finish-{run}", ("train", "--finish", run))


def search_job(key: str, name: str) -> Job:
    """Return the search of an experiment.

    Args:
        key: names the job's folder.
        name: the experiment's.
    """
    return Job(
        workspace() / "searches" / ".jobs" / key,
        ("search-run", "--", name),
        "The search was killed, perhaps for lack of memory: resume it.",
        _SEARCH_LOST_AFTER_S,
    )


def estimate_job(key: str, options: Sequence[str]) -> Job:
    """Return the estimate of what a training costs.

    Args:
        key: names configurations of the same cost, see `cost_key`.
        options: the configuration's, see `config_options`.
    """
    return Job(
        _estimates_folder() / key,
        ("estimate", *options, "--again"),
        "The estimate was interrupted, perhaps for lack of memory: take a smaller batch, input "
        "size or network.",
    )


def running_estimate() -> Job | None:
    """Return the estimate that runs, of any configuration; its folder's name is the key."""
    return next((job for job in _find(_estimates_folder()) if job.running()), None)


def video_job(model: str, source: Path, target: Path, table: Path, detector: str) -> Job:
    """Return the recognition of the faces of a video.

    Args:
        model: the model's name.
        source: the video.
        target: the video to write, in an existing folder; the job's folder is next to it.
        table: the CSV to write.
        detector: one of `DETECTORS`.
    """
    folder = target.parent.with_name(f"{target.parent.name}.job")
    paths = (str(source), str(target), "--csv", str(table))
    return Job(folder, ("video", model, *paths, "--detector", detector))


def _named(prefix: str) -> dict[str, Job]:
    """Return what follows the prefix → the job, of those in the folder of runs."""
    jobs = {job.folder.name: job for job in _find(_runs_jobs())}
    return {name.removeprefix(prefix): job for name, job in jobs.items() if name.startswith(prefix)}


def _runs_jobs() -> Path:
    return runs_folder() / ".jobs"


def _imports_folder() -> Path:
    return workspace() / "imports"


def _estimates_folder() -> Path:
    return workspace() / "estimates" / ".jobs"


def _find(folder: Path) -> list[Job]:
    return [Job(path.parent) for path in sorted(folder.glob("*/process.json"))]
