"""A browser whose webcam shows a numbered clip, and a viewer of a page in it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Browser, Frame, expect, sync_playwright
from webcam.stream_metrics import StreamMetrics, match_frames

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --autoplay-policy=no-user-gesture-required "
    "--allow-loopback-in-peer-connection --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream"
).split()
PROBE = Path(__file__).with_name("probe.js")
IFRAME = 'iframe[title*="webrtc_streamer"]'
RATE = '[data-testid="stMetric"]:has-text("Recognitions/s") [data-testid="stMetricValue"]'
SETTLING_MS = 4_000
STOP_MS = 500  # the pages that the Live page is compared with show START too early
MAX_START_MS = 90_000


class Viewer:
    """A window of its own on a page with a webcam.

    Args:
        browser: the result of `chromium`.
        address: the page's. The dashboard's Live page mirrors the video, has STOP beside the
            component, and its rates below "Performance", folded.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._live = urlsplit(address).path == "/live"
        self._context = browser.new_context(viewport={"width": 1440, "height": 900})
        self._context.add_init_script(path=PROBE)
        self._page = self._context.new_page()
        self._page.goto(address, timeout=MAX_START_MS)
        self._webcam = self._page.frame_locator(IFRAME)
        start = self._webcam.get_by_role("button", name="START")
        expect(start).to_be_visible(timeout=MAX_START_MS)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def start(self, settling_ms: float = SETTLING_MS) -> None:
        """Press START, and wait until the video plays and has settled."""
        self._webcam.get_by_role("button", name="START").click()
        watch = "(video, mirrored) => probe.watch(video, mirrored)"
        self._webcam.locator("video").evaluate(watch, self._live, timeout=MAX_START_MS)
        self._page.wait_for_timeout(settling_ms)

    def stop(self) -> None:
        """Press STOP, unless the video has ended already, and wait until it has stopped."""
        place = self._page if self._live else self._webcam
        name = "STOP Shortcut Q" if self._live else "STOP"
        button = place.get_by_role("button", name=name)
        if button.count():
            button.click()
        expect(self._webcam.get_by_role("button", name="START")).to_be_visible(timeout=30_000)
        self._page.wait_for_timeout(STOP_MS)

    def watch(self, seconds: float) -> StreamMetrics:
        """Watch for some time."""
        return watch_together([self], seconds)[0]

    def wait(self, seconds: float) -> None:
        """Wait, while the browser's events are handled."""
        self._page.wait_for_timeout(1000 * seconds)

    def rates(self) -> list[float]:
        """Return the recognitions per second that the page shows, or nothing."""
        return [float(text) for text in self._page.locator(RATE).all_text_contents()]

    def begin(self) -> None:
        """Begin to measure."""
        self._frame().evaluate("probe.take()")
        self._began, self._busy_s = time.monotonic(), other_cpu_s()

    def metrics(self, rates: Sequence[float] = ()) -> StreamMetrics:
        """Return the metrics since `begin`."""
        sent, returned = self._frame().evaluate("probe.take()")
        seconds = time.monotonic() - self._began
        new, latencies_ms = match_frames(sent, returned)
        other_cores = (other_cpu_s() - self._busy_s) / seconds
        return StreamMetrics(seconds, new, latencies_ms, tuple(rates), other_cores)

    def _frame(self) -> Frame:
        handle = self._page.wait_for_selector(IFRAME)
        frame = handle and handle.content_frame()
        if frame is None:
            raise LookupError("the page has no webcam")
        return frame


def watch_together(viewers: Sequence[Viewer], seconds: float) -> list[StreamMetrics]:
    """Watch in several windows in parallel."""
    for viewer in viewers:
        viewer.begin()
    rates: list[list[float]] = [[] for _ in viewers]
    for _ in range(round(seconds)):
        viewers[0].wait(1)
        for viewer, shown in zip(viewers, rates, strict=True):
            shown += viewer.rates()
    return [viewer.metrics(shown) for viewer, shown in zip(viewers, rates, strict=True)]


def other_cpu_s() -> float:
    """Return the CPU seconds that were used by all but this process and its children."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            busy -= sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            pass
    return float(busy)


@contextmanager
def chromium(clip: Path) -> Iterator[Browser]:
    """Start a browser whose webcam shows a clip."""
    ensure_candidate_address()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or playwright.chromium.executable_path,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={clip}"],
        )
        yield browser
        browser.close()


@contextmanager
def watching(browser: Browser, address: str) -> Iterator[Viewer]:
    """Open a page and press START; press STOP and close it at the end."""
    viewer = Viewer(browser, address)
    viewer.start()
    yield viewer
    viewer.stop()
    viewer.close()


def kill_browser() -> None:
    """Kill the browsers that this process started, as a crash would."""
    for process in psutil.Process().children(recursive=True):
        if process.name().startswith("chrom"):
            process.kill()


def ensure_candidate_address() -> None:
    """Give the loopback a second address where it is the only interface: ICE ignores 127.0.0.1."""
    addresses = [a.address for many in psutil.net_if_addrs().values() for a in many]
    usable = [a for a in addresses if a.count(".") == 3 and not a.startswith("127.")]
    if not usable and os.geteuid() == 0:
        subprocess.run("ip addr add 10.254.254.254/32 dev lo".split(), check=True)
