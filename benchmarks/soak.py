"""Training, a viewer, page visits and kills, all at once: nothing is lost, nothing leaks.

Run: python benchmarks/soak.py [MINUTES]
     15 minutes unless another number is given, and a few more until the queue is empty

Runs of one configuration and seed train in the queue, a browser watches its camera on the Live
page, and another one visits all pages and uploads a video. Training processes and the queue's
worker are killed (SIGKILL) in turn, each run at most twice; a killed training is resumed. The
server is killed and started again twice in the first third; its memory is measured in the other
two.

Claims:
- every run finishes, with the same history as a training that nothing disturbs;
- no page shows an exception, and the viewer gets new frames at the end of each server's life;
- the server has no more threads, files and child processes after it all than before;
- no process, no temporary folder and no unfinished file is left;
- the server's memory grows by at most 5% in ten minutes.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Browser, Page, TimeoutError
from support.claims import check, check_bounds
from support.commands import run_pipeline
from support.pages import Element, open_page
from support.server import Resources, Server, serve
from video import write_clip as write_video
from webcam.clip import ONE_FACE, write_clip
from webcam.viewer import Viewer, chromium

from pipeline.config.options import config_options
from pipeline.config.train_config import TrainConfig
from pipeline.queue import queue
from pipeline.runs import Run, list_runs
from pipeline.runs.damage import damages
from pipeline.storage import leftovers

MODEL, TRAINING = "custom_cnn", "train-run"
CONFIG = TrainConfig.model_validate(
    {
        "dataset": "sample",
        "model": {"widths": (8, 16, 32), "convolutions": 1},
        "epochs": 6,
        "batch_size": 32,
        "seed": 1,
    }
)
SERVERS = (1 / 6, 1 / 6, 2 / 3)
"""What share of the time each server lives."""
PAGES = ("", "dataset", "train", "evaluate", "compare", "live?live_from=Video+file")
TITLE = Element("h1")

QUEUED = 2
KILL_EVERY_S, KILLS_PER_RUN = 25, 2
SETTLING_S = 60  # an uploaded video is deleted within a minute of its page's closing
DRAINING_S = 900
MAX_GROWTH = 0.05


@dataclass
class Soak:
    """What goes on, and what has been seen of it.

    Args:
        workspace: the folder of the data set and the runs.
        browser: its camera shows a face.
        video: a short clip to upload.
    """

    workspace: Path
    browser: Browser
    video: Path
    runs: list[Run] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and MB of the last server."""

    def __post_init__(self) -> None:
        self._page: Page = self.browser.new_page(viewport={"width": 1440, "height": 900})
        self._random = random.Random(1)
        self._targets = cycle((TRAINING, TRAINING, "work"))
        self._killed: Counter[str] = Counter()
        self._next_kill = 0.0

    def live(self, server: Server, seconds: float) -> None:
        """Watch, visit, train and kill for some time."""
        viewer = Viewer(self.browser, f"{server.url}/live?live_model={MODEL}")
        viewer.start()
        end = time.monotonic() + seconds
        self._next_kill = time.monotonic() + KILL_EVERY_S
        for address in cycle(PAGES):
            self._keep_training()
            self._visit(f"{server.url}/{address}")
            self._kill_in_turn()
            self.memory.append((time.monotonic(), server.resources().memory_mb))
            if time.monotonic() > end:
                break
        viewer.begin()
        self._page.wait_for_timeout(5000)
        self.counts["still videos"] += viewer.metrics().new_frames == 0
        viewer.close()
        print(f"  a server of {seconds:.0f} s: {dict(self.counts)}", flush=True)

    def warm_up(self, server: Server) -> Resources:
        """Do all of it once, and return what the server uses when nothing goes on."""
        viewer = Viewer(self.browser, f"{server.url}/live?live_model={MODEL}")
        viewer.start()
        for address in PAGES:
            self._visit(f"{server.url}/{address}")
        viewer.close()
        return self.rest(server)

    def drain(self, server: Server) -> None:
        """Wait until all runs have ended; the Train page starts the worker if it was killed."""
        end = time.monotonic() + DRAINING_S
        while time.monotonic() < end and self._unfinished():
            self._resume_killed()
            self._visit(f"{server.url}/train")
            time.sleep(2)

    def rest(self, server: Server) -> Resources:
        """Close all pages, and return what the server uses when it has noticed."""
        self._page.goto("about:blank")
        time.sleep(SETTLING_S)
        return server.resources()

    def _keep_training(self) -> None:
        self._resume_killed()
        while len(self._unfinished()) < QUEUED:
            self.runs.append(queue.submit(CONFIG))

    def _unfinished(self) -> list[Run]:
        return [run for run in self.runs if run.state() != "finished"]

    def _resume_killed(self) -> None:
        for run in self._unfinished():
            if run.state() == "interrupted":
                queue.resume(run)
                self.counts["resumed"] += 1

    def _visit(self, address: str) -> None:
        self.counts["visits"] += 1
        try:
            open_page(self._page, address, [TITLE])
        except TimeoutError:
            self.counts["pages not shown in a minute"] += 1
            return
        if "Video" in address:
            self._page.locator("input[type=file]").set_input_files(self.video)
            self._page.get_by_role("button", name="Recognize faces").click()
            self._page.wait_for_timeout(3000)
        self.counts["exceptions"] += self._page.get_by_test_id("stException").count()

    def _kill_in_turn(self) -> None:
        if time.monotonic() < self._next_kill:
            return
        target = next(self._targets)
        for process in processes(self.workspace):
            with suppress(psutil.Error):
                command = process.cmdline()
                if target in command and self._killed[command[-1]] < KILLS_PER_RUN:
                    process.kill()
                    self._killed[command[-1]] += target == TRAINING
                    self.counts[f"killed: {target}"] += 1
        self._next_kill = time.monotonic() + KILL_EVERY_S * self._random.uniform(0.5, 1.5)


def processes(workspace: Path) -> Iterator[psutil.Process]:
    """Yield all processes of Python that work in a workspace, without this one."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            inside = process.environ().get("EMOTION_WORKSPACE") == str(workspace)
            if inside and "python" in process.name() and process.pid != os.getpid():
                yield process


def curves(run: Run) -> pd.DataFrame:
    """Return a run's history without what depends on the load of the machine."""
    return run.history().drop(columns="seconds")


def main() -> None:
    """Print the measurements; exit 1 if a claim does not hold."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        workspace, temporary = Path(folder) / "workspace", Path(folder) / "temporary"
        workspace.mkdir()
        temporary.mkdir()
        clip, video = (
            write_clip(Path(folder) / "one.mjpeg", ONE_FACE),
            write_video(Path(folder), 90),
        )
        with chromium(clip) as browser:
            os.environ |= {"EMOTION_WORKSPACE": str(workspace), "TMPDIR": str(temporary)}
            run_pipeline("import", "sample", "--name", "sample")
            run_pipeline("train", *config_options(CONFIG))
            try:
                holds = soak(Soak(workspace, browser, video), 60 * minutes, temporary)
            finally:
                for process in processes(workspace):
                    process.kill()
    sys.exit(int(not all(holds)))


def soak(state: Soak, seconds: float, temporary: Path) -> list[bool]:
    """Let three servers live one after another, and check what is left of it all."""
    (undisturbed,) = list_runs()
    for share in SERVERS[:-1]:
        with serve(state.workspace) as server:
            state.live(server, share * seconds)
            server.process.kill()
            state.counts["killed: server"] += 1
    state.memory.clear()
    with serve(state.workspace) as server:
        before = state.warm_up(server)
        state.live(server, SERVERS[-1] * seconds)
        state.drain(server)
        after = state.rest(server)
        children = len(server.process.children())
    lost = [run for run in state.runs if not is_whole(run, undisturbed)]
    return [
        *check_counts(state, lost),
        *check_growth(state.memory, before, after),
        check_bounds("child processes of the server", children, at_most=0),
        *check_left(state.workspace, temporary),
    ]


def is_whole(run: Run, undisturbed: Run) -> bool:
    """Return whether a run finished as the undisturbed one did; print why not."""
    faults = [
        *damages(run),
        *([] if run.state() == "finished" else [f"{run.state()}: {run.status().message}"]),
        *([] if run.evaluation_paths() else ["no evaluation"]),
        *([] if curves(run).equals(curves(undisturbed)) else ["another history"]),
    ]
    for fault in faults:
        print(f"  {run.name}: {fault}")
    return not faults


def check_counts(state: Soak, lost: list[Run]) -> list[bool]:
    """Print what happened, and check that nothing was lost and nothing failed."""
    for what, count in sorted(state.counts.items()):
        print(f"  {what}: {count}")
    return [
        check(f"{len(lost)} of {len(state.runs)} runs lost", not lost, "none"),
        check_bounds("exceptions on pages", state.counts["exceptions"], at_most=0),
        check_bounds("videos that stood still", state.counts["still videos"], at_most=0),
    ]


def check_growth(
    memory: list[tuple[float, float]], before: Resources, after: Resources
) -> list[bool]:
    """Check that the last server used no more and more, by a line through its memory."""
    seconds, mb = np.array(memory).T
    mb_per_s = float(np.polyfit(seconds, mb, 1)[0])
    share = 600 * mb_per_s / mb.mean()
    print(f"  memory of the server: {mb.mean():.0f} MB, {3600 * mb_per_s:+.0f} MB/h")
    print(f"  at rest: {before.memory_mb:.0f} MB before, {after.memory_mb:.0f} MB after")
    return [
        check(
            f"{share:+.1%} memory in ten minutes", share <= MAX_GROWTH, f"at most {MAX_GROWTH:.0%}"
        ),
        check_bounds("more threads of the server", after.threads - before.threads, at_most=0),
        check_bounds("more files of the server", after.files - before.files, at_most=0),
    ]


def check_left(workspace: Path, temporary: Path) -> list[bool]:
    """Check that no process and no file is left where all has ended."""
    left = {
        "processes": [" ".join(process.cmdline()) for process in processes(workspace)],
        "temporary files": [path.name for path in temporary.iterdir()],
        "unfinished files": [str(path) for path in leftovers(workspace)],
    }
    return [
        check(f"{what} left: {', '.join(names) or 'none'}", not names, "none")
        for what, names in left.items()
    ]


if __name__ == "__main__":
    main()
