"""The command that checks whether all is well on this machine, with a cure for what is not."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
import typer
from filelock import Timeout
from packaging.requirements import Requirement

from pipeline.cli.connections import video_connections
from pipeline.cli.doctor_ray import cluster_findings
from pipeline.cli.output import Json, show
from pipeline.cli.sign_in import has_sign_in, server_settings, sign_in_problems
from pipeline.data.store import dataset_names, load_dataset
from pipeline.errors import UserError
from pipeline.installation import missing_tensorflow, package_version
from pipeline.jobs import import_jobs
from pipeline.locks import holder, lock_kind, locked, may_be_held
from pipeline.network import others_reach
from pipeline.queue import queue
from pipeline.report.units import size
from pipeline.runs import Run, list_bundled, list_runs
from pipeline.runs.damage import damages
from pipeline.runs.run import STATUS_LOST
from pipeline.storage import leftovers, on_network, write_text
from pipeline.vision.detectors import DETECTORS
from pipeline.workspace import (
    PROJECT,
    datasets_folder,
    evaluation_folder,
    runs_folder,
    workspace,
)

_MIN_FREE_BYTES = 2 * 1024**3
_MAX_CLOCK_ERROR_S = 60
_FEATURES = ("avx", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


class Check(NamedTuple):
    """A finding: what was looked at, how it is, and what to do if it is not well."""

    check: str
    state: Literal["ok", "note", "broken"]
    finding: str
    cure: str = ""


def doctor(as_json: Json = False) -> None:
    """Check versions, processor, sign-in, video connections, disk, workspace and clock.

    It exits with 1 if one of them is broken.
    """
    checks = [check for look in CHECKS for check in look()]
    show([check._asdict() for check in checks], as_json)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _python() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Check("Python", "ok", found)
    else:
        cure = "install Python 3.11 to 3.13, delete .venv and run make run"
        yield Check("Python", "broken", f"{found} is not supported", cure)


def _packages() -> Iterator[Check]:
    different, missing = [], missing_tensorflow()
    training = set((PROJECT / "deploy" / "training-packages.txt").read_text().split())
    for line in (PROJECT / "requirements.txt").read_text().splitlines():
        if line.startswith(("#", "-")) or not line.strip():
            continue
        locked_version = Requirement(line)
        if locked_version.marker and not locked_version.marker.evaluate():
            continue
        if missing and locked_version.name in training:
            continue
        found = package_version(locked_version.name)
        if found not in locked_version.specifier:
            different.append(f"{locked_version} is {found}")
    if different:
        cure = "pip install -r requirements.txt"
        yield Check("packages", "broken", ", ".join(different), cure)
    elif missing:
        yield Check("packages", "note", "as in requirements.txt, without training", missing)
    else:
        yield Check("packages", "ok", "as in requirements.txt")


def _processor() -> Iterator[Check]:
    import openvino as ov

    core = ov.Core()
    name = core.get_property("CPU", "FULL_DEVICE_NAME").strip()
    precisions = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    fast = [known for known in ("BF16", "FP16", "INT8") if known in precisions]
    default = core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
    features = f"{psutil.cpu_count()} cores, {', '.join(_processor_features()) or 'no AVX'}"
    finding = f"{name}, {features}; OpenVINO: {', '.join(fast)}, default {default}"
    yield Check("processor", "ok", finding)


def _processor_features() -> list[str]:
    """Return which features that TensorFlow and OpenVINO use the processor has; Linux only."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return []
    return [each for each in _FEATURES if each in flags]


def _dashboard() -> Iterator[Check]:
    settings = server_settings()
    address, port = settings.get("address", "all addresses"), settings.get("port", 8501)
    with socket.socket() as connection:
        connection.settimeout(1)
        taken = connection.connect_ex(("127.0.0.1", port)) == 0
    used = "is answered by a program: this dashboard, or another" if taken else "is free"
    cure = f"if it is another, start with --server.port {port + 1}" if taken else ""
    yield Check("port", "note" if taken else "ok", f"{port} {used}", cure)
    names = settings.get("allowedHosts", [])
    closed = others_reach(settings.get("address"), names) and not has_sign_in()
    cure = "set up sign-in, see docs/deploy.md" if closed else ""
    finding = f"listens on {address}, answers under {', '.join(names) or 'any name'}"
    finding += "; read-only, as others reach it and there is no sign-in" if closed else ""
    yield Check("network", "note" if closed else "ok", finding, cure)
    cure = "if it does not start, see the help below the video on the Live page"
    yield Check("camera", "ok", "browsers open one on localhost or over https only", cure)


def _sign_in() -> Iterator[Check]:
    if not has_sign_in():
        yield Check("sign-in", "ok", "not set up: whoever opens the pages needs none")
        return
    problems = list(sign_in_problems(server_settings()))
    for finding, cure, broken in problems:
        yield Check("sign-in", "broken" if broken else "note", finding, cure)
    if not problems:
        yield Check("sign-in", "ok", "is set up, with lists of viewers and editors")


def _connections() -> Iterator[Check]:
    state, finding, cure = video_connections()
    yield Check("video connections", state, finding, cure)


def _disk() -> Iterator[Check]:
    folder = workspace()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / ".doctor", "")
        (folder / ".doctor").unlink()
        with locked(folder / "runs.lock", timeout_s=5):
            pass
    except Timeout:
        finding = f"{folder / 'runs.lock'} has been locked by another process for 5 s"
        yield Check("workspace", "broken", finding, f"end it: {holder(folder / 'runs.lock')}")
        return
    except (OSError, UserError) as error:
        cure = "make it writable, or set EMOTION_WORKSPACE to a folder that is"
        yield Check("workspace", "broken", f"{folder} cannot be written: {error}", cure)
        return
    free = psutil.disk_usage(str(folder)).free
    enough = free >= _MIN_FREE_BYTES
    cure = "" if enough else "remove runs or data sets that you no longer need, see remove --help"
    shared = ", on a network's file system" if on_network(folder) else ""
    finding = f"{folder}, {size(free)} free{shared}, locked by {lock_kind(folder)}"
    yield Check("workspace", "ok" if enough else "broken", finding, cure)
    folders = (datasets_folder(), runs_folder(), evaluation_folder())
    inside = [path for parent in folders if parent.is_dir() for path in (parent, *parent.iterdir())]
    for path in inside:
        if not os.access(path, os.W_OK):
            cure = f"make it writable for {getuser()}, for example: chown -R {getuser()} {path}"
            yield Check(f"permission of {path.name}", "broken", f"{path} cannot be written", cure)


def _datasets() -> Iterator[Check]:
    names = dataset_names()
    for name in names:
        try:
            load_dataset(name)
        except UserError as error:
            yield Check(
                f"data set {name}", "broken", str(error), f"remove {name}, then import it again"
            )
    yield Check("data sets", "ok", f"{len(names)} found")


def _runs() -> Iterator[Check]:
    runs, bundled = list_runs(), list_bundled()
    for model in bundled:
        if not model.exported:
            yield Check(f"model {model.name}", "broken", "its files are missing", "git checkout")
    for run in runs:
        for check in _run(run):
            yield check._replace(check=f"run {run.name}")
    yield Check("runs", "ok", f"{len(runs)} found, and {len(bundled)} bundled models")


def _run(run: Run) -> Iterator[Check]:
    for sentence in damages(run):
        yield Check("", "broken", sentence, f"see it on the Train page, or remove {run.name}")
    if run.status().message == STATUS_LOST:
        yield Check("", "broken", STATUS_LOST, f"train --resume {run.name}, or remove {run.name}")
    elif run.state() == "interrupted":
        yield Check("", "note", "it was interrupted", f"train --resume {run.name}")
    lock = run.path / "training.lock"
    if run.state() != "running" and may_be_held(lock):
        try:
            with locked(lock, timeout_s=2):
                pass
        except Timeout:
            finding = "a process holds its lock, but does not train it"
            yield Check("", "broken", finding, f"end it: {holder(lock)}")
        except UserError as error:
            yield Check("", "broken", str(error), "make it writable")
    if (run.path / "state").is_dir():
        cure = "nothing to do: it is read, and written anew by the next resume"
        yield Check("", "note", "its checkpoint is of an older version", cure)


def _jobs() -> Iterator[Check]:
    queued = queue.queued_runs()
    try:
        alive = not queued or queue.worker_alive()
    except UserError as error:
        yield Check("queue", "broken", str(error), "make it writable")
    else:
        if alive:
            yield Check("queue", "ok", f"{len(queued)} runs wait")
        else:
            finding = f"{len(queued)} runs wait, and no worker is alive"
            yield Check("queue", "note", finding, "work")
    for job in import_jobs():
        if failure := job.failure():
            cure = "dismiss it on the Dataset page, and import again"
            yield Check(f"import {job.folder.name}", "note", failure, cure)


def _cluster() -> Iterator[Check]:
    for check, well, finding, cure in cluster_findings():
        yield Check(check, "ok" if well else "broken", finding, cure)


def _leftovers() -> Iterator[Check]:
    left = list(leftovers(workspace()))
    if left:
        cure = "the next start of the dashboard deletes them"
        yield Check("leftovers", "note", f"{len(left)} of killed processes", cure)
    else:
        yield Check("leftovers", "ok", "none")


def _detectors() -> Iterator[Check]:
    for name, detector in DETECTORS.items():
        available = detector.is_available()
        cure = "" if available else "put its file into workspace/detectors, see docs/live.md"
        finding = "can be used" if available else "has no model file"
        yield Check(f"detector {name}", "ok" if available else "note", finding, cure)


def _clock() -> Iterator[Check]:
    paths = [path for run in list_runs() for path in (run.status_path, run.log_path)]
    newest = max((_modified(path) for path in paths), default=0.0)
    ahead = newest - time.time()
    if ahead > _MAX_CLOCK_ERROR_S:
        cure = "set the clock, for example by NTP"
        finding = f"a run was written {ahead:.0f} s in the future: the clock was set back"
        yield Check("clock", "broken", finding, cure)
    else:
        yield Check("clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S %Z"))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


CHECKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _python,
    _packages,
    _processor,
    _dashboard,
    _sign_in,
    _connections,
    _disk,
    _datasets,
    _runs,
    _jobs,
    _cluster,
    _leftovers,
    _detectors,
    _clock,
)
