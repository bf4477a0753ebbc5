"""What a viewer of the Live page sees, in a real browser on the server's cores.

Run: python benchmarks/live.py [stream] [faces] [viewers] [cycles] [killed] [soak]
     without a word all but soak, in about twelve minutes; soak takes ten more

A film of a real face is the webcam. A strip in it numbers its frames, so that new pictures are told
from those shown again, and how long each takes from the camera's preview to the video that comes
back. Claims, on 2 cores that do nothing else, for an untrained ResNet50V2 at 224 px in int8:
- stream: at least 95 % of the new frames a second of a page that only passes frames through, with
  at most 1.1 times its 95th percentile of the latency, at 15 or more recognitions a second; as much
  after a minute; the dashboard takes at most 450 MB. Beside it a page whose video waits for
  `detectMultiScale` and `model.predict`.
- faces: with four faces at least 10 recognitions a second.
- viewers: each of two at once gets at least 20 new frames a second.
- cycles: fifty times START and STOP leave no thread and no file open, and at most 50 MB.
- killed: the worker of a browser that is killed is gone within 40 s.
- soak: in ten minutes the dashboard grows by at most 50 MB, and by no thread and no file.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from evaluation import write_faces
from webcam.clip import FOUR_FACES, ONE_FACE, write_clip
from webcam.served import Server, Taken, serve
from webcam.viewer import Viewer, Watched, chromium, kill_browser, together, watching

from pipeline.runs import list_runs
from pipeline.workspace import PROJECT

NAME = "benchmark"
NETWORK = "--architecture resnet50v2 --weights none --input-size 224 --epochs 1 --batch-size 16"
FACES = 32
HOME = PROJECT / "dashboard" / "Home.py"
PAGES = Path(__file__).parent / "webcam" / "pages"

ROUNDS, TURN_S, PART_S = 6, 10, 20
LEAST_SHARE, MOST_LATENCY, MOST_MB = 0.95, 1.1, 450
LEAST_RECOGNITIONS, LEAST_OF_FOUR = 15, 10
LEAST_PER_VIEWER = 20
CYCLES, BEFORE, SETTLING_S, MOST_GROWTH_MB = 50, 3, 15, 50
MOST_S_AFTER_KILL = 40
MINUTES = 10


@dataclass(frozen=True)
class Setting:
    """What all parts need: a workspace with a model, its name, and the films."""

    workspace: Path
    model: str
    one_face: Path
    four_faces: Path

    def address(self, server: Server) -> str:
        """Return where the dashboard shows the model live."""
        return f"{server.url}/live?live_model={self.model}"


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    parts = sys.argv[1:] or [name for name in PARTS if name != "soak"]
    if unknown := set(parts) - PARTS.keys():
        sys.exit(f"Unknown: {', '.join(unknown)}. Choose from: {', '.join(PARTS)}.")
    with tempfile.TemporaryDirectory() as folder:
        setting = prepare(Path(folder))
        kept = [each for part in parts for each in PARTS[part](setting)]
    sys.exit(int(not all(kept)))


def prepare(workspace: Path) -> Setting:
    """Train a network on noise for a moment, which sets no speed, quantise it, write the films."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    write_faces(NAME, FACES, FACES)
    run_pipeline("train", "--dataset", NAME, *NETWORK.split(), "--no-finish")
    (run,) = list_runs()
    run_pipeline("export", run.name, "--int8")
    return Setting(
        workspace,
        run.name,
        write_clip(workspace / "one.mjpeg", ONE_FACE),
        write_clip(workspace / "four.mjpeg", FOUR_FACES),
    )


def run_pipeline(*arguments: str) -> None:
    """Run a command of the project, silently if it succeeds."""
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def stream(setting: Setting) -> list[bool]:
    """Watch the three pages by turns, then the Live page for a minute."""
    with ExitStack() as stack:
        dashboard, passing, naive = (
            stack.enter_context(serve(script, setting.workspace))
            for script in (HOME, PAGES / "passthrough.py", PAGES / "naive.py")
        )
        browser = stack.enter_context(chromium(setting.one_face))
        address = setting.address(dashboard)
        addresses = {
            "pass-through": passing.url,
            "Live": address,
            "naive": f"{naive.url}/?live_model={setting.model}",
        }
        turns: dict[str, list[Watched]] = {name: [] for name in addresses}
        for _ in range(ROUNDS):
            for name, url in addresses.items():
                with watching(browser, url) as viewer:
                    turns[name].append(viewer.watch(TURN_S))
        with watching(browser, address) as viewer:
            minute = [viewer.watch(PART_S) for _ in range(3)]
            megabytes = dashboard.taken().megabytes
    print(f"one face, {ROUNDS} times {TURN_S} s of each page by turns, on {os.cpu_count()} cores")
    seen = {name: together(parts) for name, parts in turns.items()}
    seen |= {"Live, 1st 20 s": minute[0], "Live, 3rd 20 s": minute[-1]}
    print_table(seen)
    bare, ours = seen["pass-through"], seen["Live"]
    return [
        *compare("beside the pass-through", ours, bare),
        told("recognitions a second", ours.recognised_per_s, least=LEAST_RECOGNITIONS),
        *compare("3rd 20 s beside the 1st", minute[-1], minute[0]),
        told("megabytes of the dashboard", megabytes, most=MOST_MB),
    ]


def faces(setting: Setting) -> list[bool]:
    """Watch four faces."""
    with (
        serve(HOME, setting.workspace) as dashboard,
        chromium(setting.four_faces) as browser,
        watching(browser, setting.address(dashboard)) as viewer,
    ):
        seen = viewer.watch(PART_S)
    print_table({"Live, four faces": seen})
    return [told("recognitions a second", seen.recognised_per_s, least=LEAST_OF_FOUR)]


def viewers(setting: Setting) -> list[bool]:
    """Watch twice at once, in windows of their own."""
    with (
        serve(HOME, setting.workspace) as dashboard,
        chromium(setting.one_face) as browser,
        watching(browser, setting.address(dashboard)) as first,
        watching(browser, setting.address(dashboard)) as second,
    ):
        first.begin()
        seen = {"Live, 2nd of two": second.watch(PART_S), "Live, 1st of two": first.seen()}
    print_table(seen)
    slowest = min(each.new_per_s for each in seen.values())
    return [told("new frames a second, the slower of two", slowest, least=LEAST_PER_VIEWER)]


def cycles(setting: Setting) -> list[bool]:
    """Press START and STOP again and again; compare what the server takes before and after."""
    taken = []
    with serve(HOME, setting.workspace) as dashboard, chromium(setting.one_face) as browser:
        viewer = Viewer(browser, setting.address(dashboard))
        for times in (BEFORE, CYCLES):
            for _ in range(times):
                viewer.start(settling_ms=1000)
                viewer.stop()
            time.sleep(SETTLING_S)
            taken.append(dashboard.taken())
    return grown(f"{CYCLES} times START and STOP", *taken)


def killed(setting: Setting) -> list[bool]:
    """Kill a browser; wait until the dashboard works for it no more."""
    with serve(HOME, setting.workspace) as dashboard, chromium(setting.one_face) as browser:
        Viewer(browser, setting.address(dashboard)).start()
        working = dashboard.workers()
        kill_browser()
        begin = time.monotonic()
        while dashboard.workers() and time.monotonic() - begin < 2 * MOST_S_AFTER_KILL:
            time.sleep(0.5)
        seconds = time.monotonic() - begin
    return [
        told("workers before the kill", working, least=1),
        told("seconds until a killed browser's worker is gone", seconds, most=MOST_S_AFTER_KILL),
    ]


def soak(setting: Setting) -> list[bool]:
    """Watch for long; compare what the server takes after the first and the last minute."""
    minutes: list[tuple[Watched, Taken]] = []
    with (
        serve(HOME, setting.workspace) as dashboard,
        chromium(setting.one_face) as browser,
        watching(browser, setting.address(dashboard)) as viewer,
    ):
        for _ in range(MINUTES):
            seen = viewer.watch(60)
            minutes.append((seen, dashboard.taken()))
    print_table({"Live, 1st minute": minutes[0][0], "Live, last minute": minutes[-1][0]})
    return grown(f"{MINUTES} minutes", minutes[0][1], minutes[-1][1])


def print_table(seen: Mapping[str, Watched]) -> None:
    """Print what was seen of some pages."""
    head = "new frames/s", "p50", "p95", "recognitions/s", "others' cores"
    print(f"{'':18}" + "".join(f"{title:>16}" for title in head))
    for name, one in seen.items():
        cells = (
            f"{one.new_per_s:.1f}",
            f"{one.latency_ms(50):.0f} ms",
            f"{one.latency_ms(95):.0f} ms",
            f"{one.recognised_per_s:.1f}",
            f"{one.others:.2f}",
        )
        print(f"{name:18}" + "".join(f"{cell:>16}" for cell in cells))


def compare(what: str, ours: Watched, usual: Watched) -> list[bool]:
    """Tell whether one has about as many new frames as another, and as short a latency."""
    return [
        told(f"new frames, {what}", ours.new_per_s / usual.new_per_s, least=LEAST_SHARE),
        told(f"p95 latency, {what}", ours.latency_ms(95) / usual.latency_ms(95), most=MOST_LATENCY),
    ]


def grown(when: str, before: Taken, after: Taken) -> list[bool]:
    """Tell whether a process takes no more than before."""
    return [
        told(
            f"megabytes more after {when}", after.megabytes - before.megabytes, most=MOST_GROWTH_MB
        ),
        told(f"threads more after {when}", after.threads - before.threads, most=0),
        told(f"files more after {when}", after.files - before.files, most=0),
    ]


def told(what: str, value: float, least: float = -np.inf, most: float = np.inf) -> bool:
    """Print a figure, what was promised and whether it was kept; return that."""
    kept = least <= value <= most
    promise = f"at least {least:g}" if least > -np.inf else f"at most {most:g}"
    print(f"{what}: {value:.2f} (promised: {promise}): {'kept' if kept else 'MISSED'}", flush=True)
    return kept


PARTS: dict[str, Callable[[Setting], list[bool]]] = {
    part.__name__: part for part in (stream, faces, viewers, cycles, killed, soak)
}

if __name__ == "__main__":
    main()
