"""A real server and a real browser with a fake webcam. Without a browser these tests skip."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import skimage.data
from playwright.sync_api import Browser, BrowserType, Page, expect, sync_playwright

from tests.conftest import run_pipeline

HOME = Path(__file__).parents[2] / "dashboard" / "Home.py"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage "
    "--autoplay-policy=no-user-gesture-required --allow-loopback-in-peer-connection "
    "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
).split()
ALLOW = "--use-fake-ui-for-media-stream"
# `streamlit run`, but SIGUSR1 writes where every thread stands to the log.
RUN = (
    "import faulthandler, signal, sys; faulthandler.register(signal.SIGUSR1); "
    "from streamlit.web.cli import main; sys.argv[0] = 'streamlit'; main()"
)


@dataclass(frozen=True)
class Server:
    """A running dashboard."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def threads(self) -> str:
        """Return where each thread of the server stands now."""
        for _ in range(5):  # a thread that is not Python's may get the signal, and names none
            begin = self.log.stat().st_size
            self.process.send_signal(signal.SIGUSR1)
            for _ in range(50):
                time.sleep(0.02)
                written = self.log.read_bytes()[begin:].decode()
                if "in <module>" in written.partition("Current thread")[2]:  # it is written last
                    return written
        raise AssertionError("the server wrote no stacks")


@contextmanager
def serve(workspace: Path, log: Path) -> Iterator[Server]:
    """Start the dashboard on a free port with a workspace, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--server.port={port} --server.address=127.0.0.1 --server.headless=true"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "run", str(HOME), *options.split()],
            env={**os.environ, "EMOTION_WORKSPACE": str(workspace)},
            cwd=log.parent,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(url, process, log)
        yield Server(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"the dashboard did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def dashboard(trained, tmp_path_factory) -> Iterator[Server]:
    """Serve the shared workspace with the drawn faces and one trained run."""
    with serve(trained, tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture(scope="session")
def two_models(trained, tmp_path_factory) -> Iterator[Server]:
    """Serve a copy of the shared workspace with the shipped model judged on its faces, too."""
    workspace = tmp_path_factory.mktemp("judged") / "workspace"
    shutil.copytree(trained, workspace)
    run_pipeline("evaluate custom_cnn --dataset sample --split validation", workspace)
    with serve(workspace, workspace.parent / "server.log") as server:
        yield server


@pytest.fixture
def server(dashboard) -> str:
    """The address of the served dashboard."""
    return dashboard.url


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory) -> Path:
    """Five seconds of one real face that wanders and breathes, as the fake webcam's film."""
    portrait = cv2.cvtColor(skimage.data.astronaut()[10:200, 130:330], cv2.COLOR_RGB2BGR)
    path = tmp_path_factory.mktemp("clip") / "face.mjpeg"
    with path.open("wb") as film:
        for phase in np.linspace(0, 2 * np.pi, 150, endpoint=False):
            height = int(300 + 40 * np.sin(phase))
            width = height * portrait.shape[1] // portrait.shape[0]
            left, top = int(160 + 80 * np.cos(phase)), 70
            frame = np.full((480, 640, 3), 90, np.uint8)
            frame[top : top + height, left : left + width] = cv2.resize(portrait, (width, height))
            film.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return path


@pytest.fixture(scope="session")
def browser(face_clip) -> Iterator[Browser]:
    """Headless Chromium whose webcam shows the face clip."""
    _ensure_candidate_address()
    with sync_playwright() as playwright:
        browser = _launch(playwright.chromium, f"--use-file-for-fake-video-capture={face_clip}")
        yield browser
        browser.close()


@pytest.fixture
def denying_browser(browser) -> Iterator[Browser]:
    """Headless Chromium that gives no page its camera."""
    denying = _launch(browser.browser_type, "--deny-permission-prompts", without=ALLOW)
    yield denying
    denying.close()


def _launch(chromium: BrowserType, flag: str, without: str = "") -> Browser:
    path = shutil.which("chromium") or chromium.executable_path
    if not Path(path).exists():
        pytest.skip("no browser: install chromium, or run `playwright install chromium`")
    flags = [each for each in FLAGS if each != without]
    return chromium.launch(executable_path=path, args=["--headless=new", *flags, flag])


def _ensure_candidate_address() -> None:
    """Give the loopback a second address where it is the only interface: ICE ignores 127.0.0.1."""
    addresses = [a.address for many in psutil.net_if_addrs().values() for a in many]
    usable = [a for a in addresses if a.count(".") == 3 and not a.startswith("127.")]
    if not usable and os.geteuid() == 0:
        subprocess.run("ip addr add 10.254.254.254/32 dev lo".split(), check=True)


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """A fresh tab of a desk's size."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def wait_ready(page: Page) -> None:
    """Wait until the page is connected and its script has ended."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=20_000)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=20_000)
