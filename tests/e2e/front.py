"""What stands before the dashboard on a server: Caddy and coturn, as deploy/ sets them up."""

import json
import os
import re
import shutil
import socket
import string
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

from pipeline.workspace import PROJECT

HOST = "emotions.test"
SECRET = "shared secret of the test"


def missing() -> list[str]:
    """Return which programs are not installed here."""
    return [name for name in ("caddy", "turnserver") if not shutil.which(name)]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def own_address() -> str:
    """Return an address of this machine: coturn relays nothing to 127.0.0.1."""
    addresses = [each.address for many in psutil.net_if_addrs().values() for each in many]
    return next(each for each in addresses if each.count(".") == 3 and not each.startswith("127."))


@contextmanager
def coturn(folder: Path) -> Iterator[dict[str, str]]:
    """Run coturn as compose.yaml does, and yield the dashboard's variables for it."""
    address, port = own_address(), free_port()
    values = {"TURN_IP": address, "TURN_SECRET": SECRET, "HOST": HOST}
    text = (PROJECT / "deploy" / "compose.yaml").read_text()
    compose = yaml.safe_load(re.sub(r":\?[^}]+", "", text))  # what is said of a missing variable
    options = [
        string.Template(option).substitute(values).replace("3478", str(port))
        for option in compose["services"]["turn"]["command"]
    ]
    options += [f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}"]
    with _process(folder / "turn.log", "turnserver", *options):
        _wait_until_open(address, port)
        app = compose["services"]["app"]["environment"]
        variables = {
            name: string.Template(app[name]).substitute(values).replace("3478", str(port))
            for name in ("EMOTION_ICE_SERVERS", "EMOTION_TURN_SECRET")
        }
        assert json.loads(variables["EMOTION_ICE_SERVERS"])
        yield variables


@contextmanager
def caddy(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Run Caddy with deploy/Caddyfile before dashboards on some ports, and yield its address."""
    https = free_port()
    environment = {
        **os.environ,
        "HOST": HOST,
        "HTTP_PORT": str(free_port()),
        "HTTPS_PORT": str(https),
        "REPLICAS": " ".join(f"127.0.0.1:{port}" for port in ports),
        "COOKIE_SECRET": "secret",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    config = str(PROJECT / "deploy" / "Caddyfile")
    command = ("caddy", "run", "--config", config, "--adapter", "caddyfile")
    with _process(folder / "caddy.log", *command, environment=environment):
        _wait_until_open("127.0.0.1", https)
        yield f"https://{HOST}:{https}"


@contextmanager
def _process(log: Path, *command: str, environment: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield
        assert process.poll() is None, f"{command[0]} ended:\n{log.read_text()[-3000:]}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_open(address: str, port: int) -> None:
    for _ in range(300):
        with socket.socket() as connection:
            if connection.connect_ex((address, port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on {address}:{port}")
