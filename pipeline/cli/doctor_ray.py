"""What `doctor` finds about the Ray cluster of the queue, if it is set to one."""

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pipeline.errors import UserError
from pipeline.queue.engines.ray import ask, cluster_address, connect, entrypoint, environment
from pipeline.queue.settings import QueueSettings, queue_settings
from pipeline.workspace import workspace

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_PROBE_S = 60.0
_MAX_CLOCK_DIFFERENCE_S = 5.0


class Finding(NamedTuple):
    """What was looked at, whether it is well, and what to do if not."""

    check: str
    well: bool
    finding: str
    cure: str = ""


class Probe(NamedTuple):
    """A job on one node that writes its clock to a file of the workspace."""

    address: str
    job: str
    file: Path


def probe(file: Annotated[Path, typer.Argument(help="A new file in the workspace.")]) -> None:
    """Write this node's name and clock to a file; `doctor` runs it on each node of a cluster."""
    file.write_text(json.dumps({"host": socket.gethostname(), "time": time.time()}))


def cluster_findings() -> Iterator[Finding]:
    """Look at the version of the queue's Ray cluster, and at each of its nodes by a probe job."""
    settings = queue_settings()
    if settings.engine != "ray":
        return
    try:
        probe(here := _new_file())
        our_clock = _clock(here)
    except OSError as error:
        yield Finding("Ray", False, f"{workspace()} cannot be written: {error}", "make it writable")
        return
    try:
        client = connect(cluster_address(settings))
        nodes = _alive_nodes(client.get_address())
        running = ask(client._do_request, "GET", "/api/version").json()["ray_version"]
        probes = [_submit(client, settings, *node) for node in nodes]
    except UserError as error:
        yield Finding("Ray", False, str(error), "see docs/scale.md")
        return
    ours, count = version("ray"), len(nodes)
    nodes_text = f"{count} node{'s' * (count != 1)}"
    if running == ours:
        yield Finding("Ray", True, f"{running}, {nodes_text}")
    else:
        cure = f"pip install 'ray[default,tune,data]=={running}'"
        yield Finding("Ray", False, f"{running} in the cluster, {ours} here; {nodes_text}", cure)
    deadline = time.monotonic() + _PROBE_S
    for each in probes:
        yield _read(client, each, our_clock, deadline)


def _alive_nodes(address: str) -> list[tuple[str, str]]:
    """Return id and IP address of each node that can be reached."""
    from ray.util.state import list_nodes
    from ray.util.state.exception import RayStateApiException

    try:
        nodes = ask(list_nodes, address, filters=[("state", "=", "ALIVE")])
    except RayStateApiException as error:
        raise UserError(f"The Ray cluster does not list its nodes: {error}") from error
    return [(node.node_id, node.node_ip) for node in nodes]


def _submit(
    client: "JobSubmissionClient", settings: QueueSettings, node: str, address: str
) -> Probe:
    file, job = _new_file(), f"probe-{secrets.token_hex(8)}"
    ask(
        client.submit_job,
        submission_id=job,
        entrypoint=entrypoint("probe", str(file)),
        runtime_env={"env_vars": environment(settings)},
        entrypoint_label_selector={"ray.io/node-id": node},
    )
    return Probe(address, job, file)


def _read(
    client: "JobSubmissionClient", probe: Probe, our_clock: float, deadline: float
) -> Finding:
    """Wait for a probe and delete its file."""
    try:
        while not (state := ask(client.get_job_status, probe.job)).is_terminal():
            if time.monotonic() > deadline:
                ask(client.stop_job, probe.job)
                break
            time.sleep(0.2)
        if not probe.file.is_file():
            log = ask(client.get_job_logs, probe.job).strip().splitlines() or [state.lower()]
            finding = f"does not write to {workspace()}: {log[-1]}"
            cure = "mount the workspace there, at the same place, and install the project"
            return Finding(f"node {probe.address}", False, finding, cure)
        host = json.loads(probe.file.read_text())["host"]
        ahead = _clock(probe.file) - our_clock
    except (UserError, OSError, ValueError) as error:
        return Finding(f"node {probe.address}", False, str(error), "see docs/scale.md")
    well = abs(ahead) <= _MAX_CLOCK_DIFFERENCE_S
    finding = f"{host} writes to the workspace, clock {ahead:+.1f} s"
    return Finding(f"node {probe.address}", well, finding, "" if well else "set its clock by NTP")


def _clock(file: Path) -> float:
    """Return how far the clock that wrote a file is ahead of the file system's, in seconds."""
    try:
        return float(json.loads(file.read_text())["time"]) - os.stat(file).st_mtime
    finally:
        file.unlink()


def _new_file() -> Path:
    return workspace().absolute() / f".doctor-{secrets.token_hex(8)}"
