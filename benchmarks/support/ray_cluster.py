"""A Ray cluster of several nodes on this machine, in a process of its own.

Run as a program it starts the head, prints the address of its dashboard and obeys lines on
standard input: `add` starts a node with one CPU, `kill` ends the oldest one without a warning. It
ends with its standard input, and so with the process that has started it. With `pinned` each node
has a core of its own, which the first one shares with the head, as on the first of real machines.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class RayCluster:
    """A running cluster.

    Args:
        address: of its dashboard, for `queue --address`.
        process: obeys `add` and `kill`.
    """

    address: str
    process: subprocess.Popen[str]

    def tell(self, command: str) -> None:
        """Send `add` or `kill`, and wait until it is done."""
        print(command, file=self.process.stdin, flush=True)
        _expect(self.process, "done")

    def end(self) -> None:
        """End all nodes."""
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@contextmanager
def ray_cluster(
    nodes: int, environment: Mapping[str, str] | None = None, *, pinned: bool = False
) -> Iterator[RayCluster]:
    """Yield a cluster of a head without CPUs and of nodes with one CPU each.

    Args:
        nodes: how many, the head aside.
        environment: further variables of all its processes.
        pinned: whether each node runs on one core only.
    """
    folder = tempfile.mkdtemp(prefix="ray")  # short, since sockets lie in it
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, __file__, str(port), *["pinned"] * pinned],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "RAY_TMPDIR": folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux it means: loopback alone
            # A dead node is missed after 3 s, not 15.
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_failure_threshold": "3",
            **(environment or {}),
        },
    )
    cluster = RayCluster(f"http://{LOOPBACK}:{port}", process)
    try:
        _expect(process, "done")
        for _ in range(nodes):
            cluster.tell("add")
        yield cluster
    finally:
        cluster.end()
        shutil.rmtree(folder, ignore_errors=True)


def _expect(process: subprocess.Popen[str], answer: str) -> None:
    for line in process.stdout:
        if line.strip() == answer:
            return
    raise RuntimeError("The Ray cluster has ended.")


def main() -> None:
    """Serve one cluster."""
    from ray.cluster_utils import Cluster

    port = int(sys.argv[1])
    cores = sorted(os.sched_getaffinity(0)) if sys.argv[2:] == ["pinned"] else []
    added = 0
    if cores:
        os.sched_setaffinity(0, cores[:1])  # child processes inherit it
    common = {"node_ip_address": LOOPBACK, "object_store_memory": 80 * 2**20}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            **common,
            "num_cpus": 0,
            "include_dashboard": True,
            "dashboard_host": LOOPBACK,
            "dashboard_port": port,
            "dashboard_agent_listen_port": 0,
        },
    )
    nodes = []
    try:
        print("done", flush=True)
        for command in sys.stdin:
            if command.strip() == "add":
                if cores:
                    os.sched_setaffinity(0, [cores[added % len(cores)]])
                nodes.append(cluster.add_node(**common))
                added += 1
            else:
                cluster.remove_node(nodes.pop(0), allow_graceful=False)
            print("done", flush=True)
    finally:
        for node in (*nodes, cluster.head_node):
            cluster.remove_node(node, allow_graceful=False)


if __name__ == "__main__":
    main()
