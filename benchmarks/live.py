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
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from webcam.figures import compare, grown, print_table, told
from webcam.served import Taken, serve
from webcam.setting import Setting, prepare
from webcam.viewer import Viewer, chromium, kill_browser, watching
from webcam.watched import Watched, together

from pipeline.workspace import PROJECT

HOME = PROJECT / "dashboard" / "Home.py"
PAGES = Path(__file__).parent / "webcam" / "pages"

ROUNDS, TURN_S, PART_S = 6, 10, 20
MOST_MB = 450
LEAST_RECOGNITIONS, LEAST_OF_FOUR = 15, 10
LEAST_PER_VIEWER = 20
CYCLES, BEFORE, SETTLING_S = 50, 3, 15
MOST_S_AFTER_KILL = 40
MINUTES = 10


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    parts = sys.argv[1:] or [name for name in PARTS if name != "soak"]
    if unknown := set(parts) - PARTS.keys():
        sys.exit(f"Unknown: {', '.join(unknown)}. Choose from: {', '.join(PARTS)}.")
    with tempfile.TemporaryDirectory() as folder:
        setting = prepare(Path(folder))
        kept = [each for part in parts for each in PARTS[part](setting)]
    sys.exit(int(not all(kept)))


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


PARTS: dict[str, Callable[[Setting], list[bool]]] = {
    part.__name__: part for part in (stream, faces, viewers, cycles, killed, soak)
}

if __name__ == "__main__":
    main()
