"""A browser whose webcam shows a numbered film, and what someone sees who watches a page in it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Frame, expect, sync_playwright
from webcam.clip import FRAMES

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
HEARD_MS = 500  # the page shows START before the server has heard of the STOP
LONGEST_MS = 10_000
LONGEST_START_MS = 90_000

# Of a shown picture: its number in the film if it could be read, when, and how many were shown.
Note = tuple[int | None, float, int]


@dataclass(frozen=True)
class Watched:
    """What was seen.

    Args:
        seconds: for how long.
        new: pictures that came back and had not been shown before.
        latencies_ms: from the camera's preview to the picture that came back.
        recognitions_per_s: what the page said, each second.
        others: processor cores that the rest of the machine took.
    """

    seconds: float
    new: int
    latencies_ms: tuple[float, ...]
    recognitions_per_s: tuple[float, ...]
    others: float

    @property
    def new_per_s(self) -> float:
        """New pictures a second."""
        return self.new / self.seconds

    @property
    def recognised_per_s(self) -> float:
        """Recognitions a second, on average; NaN for a page that does not tell."""
        rates = self.recognitions_per_s
        return sum(rates) / len(rates) if rates else np.nan

    def latency_ms(self, percent: float) -> float:
        """Return a percentile."""
        return float(np.percentile(self.latencies_ms, percent)) if self.latencies_ms else np.inf


def together(parts: Sequence[Watched]) -> Watched:
    """Join what was seen at several times."""
    return Watched(
        sum(part.seconds for part in parts),
        sum(part.new for part in parts),
        tuple(ms for part in parts for ms in part.latencies_ms),
        tuple(rate for part in parts for rate in part.recognitions_per_s),
        float(np.mean([part.others for part in parts])),
    )


class Viewer:
    """Someone at a page with a webcam, in a window of their own, who can press START.

    Args:
        browser: what `chromium` gives.
        address: of the page.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._context = browser.new_context(viewport={"width": 1440, "height": 900})
        self._context.add_init_script(path=PROBE)
        self._page = self._context.new_page()
        self._page.goto(address)
        self._webcam = self._page.frame_locator(IFRAME)
        start = self._webcam.get_by_role("button", name="START")
        expect(start).to_be_visible(timeout=LONGEST_START_MS)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def start(self, settling_ms: float = SETTLING_MS) -> None:
        """Press START, wait until the video is there and has settled."""
        self._webcam.get_by_role("button", name="START").click()
        self._webcam.locator("video").wait_for(timeout=30_000)
        self._frame().evaluate("probe.watch()")
        self._page.wait_for_timeout(settling_ms)

    def stop(self) -> None:
        """Press STOP, unless the video broke down before, and wait until it has stopped."""
        button = self._webcam.get_by_role("button", name="STOP")
        if button.count():
            button.click()
        expect(self._webcam.get_by_role("button", name="START")).to_be_visible(timeout=30_000)
        self._page.wait_for_timeout(HEARD_MS)

    def watch(self, seconds: float) -> Watched:
        """Watch for some time."""
        self.begin()
        rates = []
        for _ in range(round(seconds)):
            self._page.wait_for_timeout(1000)
            rates += [float(text) for text in self._page.locator(RATE).all_inner_texts()]
        return self.seen(rates)

    def begin(self) -> None:
        """Forget what was seen."""
        self._frame().evaluate("probe.take()")
        self._began, self._busy = time.monotonic(), busy_s()

    def seen(self, rates: Sequence[float] = ()) -> Watched:
        """Return what was seen since `begin`."""
        sent, returned = self._frame().evaluate("probe.take()")
        seconds = time.monotonic() - self._began
        new, latencies_ms = compared(sent, returned)
        others = (busy_s() - self._busy) / seconds
        return Watched(seconds, new, latencies_ms, tuple(rates), others)

    def _frame(self) -> Frame:
        handle = self._page.wait_for_selector(IFRAME)
        frame = handle and handle.content_frame()
        if frame is None:
            raise LookupError("the page has no webcam")
        return frame


def compared(sent: Sequence[Note], returned: Sequence[Note]) -> tuple[int, tuple[float, ...]]:
    """Return how many new pictures came back, and how long each one that was seen took.

    A busy page misses pictures that a viewer sees: the browser's count tells how many.
    """
    notes = [(ms, False, number, count) for number, ms, count in sent]
    notes += [(ms, True, number, count) for number, ms, count in returned]
    shown_at: dict[int, float] = {}
    before: tuple[int, int] | None = None
    new, latencies_ms = 0, []
    for ms, is_returned, number, count in sorted(notes, key=itemgetter(0, 1)):
        if number is None:
            continue
        if not is_returned:
            if ms - shown_at.get(number, -np.inf) > LONGEST_MS:
                shown_at[number] = ms
            continue
        later = (number - before[0]) % FRAMES if before else 0
        if before and later:
            new += min(later, count - before[1])
            if ms - shown_at.get(number, -np.inf) < LONGEST_MS:
                latencies_ms.append(ms - shown_at[number])
        before = number, count
    return new, tuple(latencies_ms)


def busy_s() -> float:
    """Return for how long processor cores have worked for others than this process and its own."""
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
def chromium(film: Path) -> Iterator[Browser]:
    """Start a browser whose webcam shows a film."""
    ensure_candidate_address()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or playwright.chromium.executable_path,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={film}"],
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
    """End the browsers that this process started as a crash would."""
    for process in psutil.Process().children(recursive=True):
        if process.name().startswith("chrom"):
            process.kill()


def ensure_candidate_address() -> None:
    """Give the loopback a second address where it is the only interface: ICE ignores 127.0.0.1."""
    addresses = [a.address for many in psutil.net_if_addrs().values() for a in many]
    usable = [a for a in addresses if a.count(".") == 3 and not a.startswith("127.")]
    if not usable and os.geteuid() == 0:
        subprocess.run("ip addr add 10.254.254.254/32 dev lo".split(), check=True)
