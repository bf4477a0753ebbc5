"""A served dashboard and a Chromium with a fake webcam, for browser tests and `make images`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil
import skimage.data
from playwright.sync_api import Browser, BrowserType, Locator, Page, expect

from pipeline.workspace import PROJECT
from tests.conftest import run_pipeline

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
ALLOW_CAMERA = "--use-fake-ui-for-media-stream"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --autoplay-policy=no-user-gesture-required "
    "--allow-loopback-in-peer-connection --use-fake-device-for-media-stream"
).split()
_UNFOLDED = """async (heading) => {
  await new Promise(requestAnimationFrame)
  const all = heading.closest("details").getAnimations({ subtree: true })
  const moving = all.filter((each) => !(each instanceof CSSAnimation))
  await Promise.allSettled(moving.map((each) => each.finished))
}"""
# `streamlit run`, but SIGUSR1 writes the stack of every thread to the log. Not by faulthandler:
# it reads the stacks while their threads run, which may end the process (SIGSEGV).
END_OF_STACKS = "end of stacks"
STREAMLIT_RUN = f"""
import signal, sys, traceback
from streamlit.web.cli import main

def write_stacks(*_):
    for frame in sys._current_frames().values():
        traceback.print_stack(frame)
    print("{END_OF_STACKS}", file=sys.stderr, flush=True)

signal.signal(signal.SIGUSR1, write_stacks)
sys.argv[0] = "streamlit"
main()
"""


@dataclass(frozen=True)
class Server:
    """A running dashboard and the workspace that it shows."""

    url: str
    workspace: Path
    process: subprocess.Popen[bytes]
    log: Path

    def stacks(self) -> str:
        """Return the stack of every thread of the server."""
        begin = self.log.stat().st_size
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(250):
            time.sleep(0.02)
            written = self.log.read_bytes()[begin:].decode()
            if END_OF_STACKS in written:
                return written
        raise AssertionError("the server wrote no stacks")


@contextmanager
def serve(
    workspace: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start the dashboard on a free port with a workspace, and end it; a test may end it before.

    Args:
        workspace: where its data lies.
        log: what it prints.
        environment: further variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--server.port={port} --server.address=127.0.0.1 --server.headless=true"
    home = PROJECT / "dashboard" / "Home.py"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", STREAMLIT_RUN, "run", str(home), *options.split()],
            env={**os.environ, "EMOTION_WORKSPACE": str(workspace), **(environment or {})},
            cwd=log.parent,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(url, process, log)
        yield Server(url, workspace, process, log)
        assert process.poll() in (None, -signal.SIGKILL), (
            f"the dashboard ended:\n{log.read_text()[-5000:]}"
        )
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serve_copy(source: Path, folder: Path, *commands: str) -> Iterator[Server]:
    """Copy a workspace into a folder, run `python -m pipeline` commands in it, and serve it."""
    workspace = folder / "workspace"
    shutil.copytree(source, workspace)
    for command in commands:
        run_pipeline(command, workspace)
    with serve(workspace, folder / "server.log") as server:
        yield server


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"the dashboard did not start:\n{log.read_text()}")


def chromium_path(chromium: BrowserType) -> Path | None:
    """Return the system's Chromium, else Playwright's, else None."""
    path = Path(shutil.which("chromium") or chromium.executable_path)
    return path if path.exists() else None


def launch(chromium: BrowserType, *flags: str) -> Browser:
    """Start a headless Chromium whose camera is a fake; flags say what it shows, or forbid it."""
    _ensure_candidate_address()
    path = chromium_path(chromium)
    return chromium.launch(executable_path=path, args=[*FLAGS, *flags])


def launch_with_webcam(chromium: BrowserType, clip: Path) -> Browser:
    """Start a headless Chromium whose camera shows a `.mjpeg` clip."""
    return launch(chromium, ALLOW_CAMERA, f"--use-file-for-fake-video-capture={clip}")


def _ensure_candidate_address() -> None:
    """Give the loopback a second address where it is the only interface: ICE ignores 127.0.0.1."""
    addresses = [a.address for many in psutil.net_if_addrs().values() for a in many]
    usable = [a for a in addresses if a.count(".") == 3 and not a.startswith("127.")]
    if not usable and os.geteuid() == 0:
        subprocess.run("ip addr add 10.254.254.254/32 dev lo".split(), check=True)


def write_face_clip(path: Path, width: int = 640, height: int = 480) -> Path:
    """Write five seconds of a real face that moves and changes its size, as a `.mjpeg`."""
    portrait = cv2.cvtColor(skimage.data.astronaut()[10:200, 130:330], cv2.COLOR_RGB2BGR)
    with path.open("wb") as film:
        for phase in np.linspace(0, 2 * np.pi, 150, endpoint=False):
            tall = int(300 + 40 * np.sin(phase))
            wide = tall * portrait.shape[1] // portrait.shape[0]
            left, top = int((width - wide) / 2 * (1 + 0.5 * np.cos(phase))), (height - 340) // 2
            frame = np.full((height, width, 3), 90, np.uint8)
            frame[top : top + tall, left : left + wide] = cv2.resize(portrait, (wide, tall))
            film.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return path


def wait_ready(page: Page) -> None:
    """Wait until the page is connected and its script has ended."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=30_000)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=30_000)


def unfold(page: Page | Locator, title: str) -> None:
    """Open an expander, and wait until it has unfolded: a click before may miss what moves."""
    heading = page.get_by_text(title, exact=True)
    heading.click()
    heading.evaluate(_UNFOLDED)
