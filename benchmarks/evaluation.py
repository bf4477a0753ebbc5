"""How fast Evaluate and Compare show 20 models judged on 7,178 faces, and 200, in a browser.

Run: python benchmarks/evaluation.py

The first time a page is opened, the server holds nothing of its models yet, but it has shown two
others of a small data set: Python's imports and the browser's scripts are loaded. The median of the
later times must keep the promise; where just the first one does not, its line says so.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from dataset import ROUNDS
from judged_models import FACES, MANY, Models, write_models
from playwright.sync_api import Page
from shown import END, POINTS, Part, aim_at_cell, click, open_page, opened, wait_for

from pipeline.labels import EMOTIONS

FEW = 20
MARKS = Part(POINTS)
SECOND_MARKS = Part(f'[data-testid="stColumn"]:nth-child(2) {POINTS}')
TABLE = Part('[data-testid="stDataFrame"] canvas')
TILES = Part(".gallery .tile")
ALL_MODELS = Part("button", "Measure the time of {} models")


@dataclass(frozen=True)
class Timed:
    """What is opened or clicked, and the seconds it may take."""

    what: str
    most: float


@dataclass(frozen=True)
class View(Timed):
    """A view of a page.

    Args:
        address: names of models → path and query.
        parts: what is drawn when it is shown; `{}` stands for the number of models.
    """

    address: Callable[[Sequence[str]], str]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Click(Timed):
    """A click on an open page.

    Args:
        more: what stands in the address besides the view's.
        do: clicks for the given time; returns the seconds until the answer.
    """

    more: str
    do: Callable[[Page, int], float]


def main() -> None:
    """Print the figures; exit 1 if one misses its promise."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = (write_models(Path(folder) / str(n), n) for n in (FEW, MANY))
        print(f"{FEW} and {MANY} models judged on {FACES:,} faces are written", flush=True)
        kept = [
            *measure(
                few,
                View("Evaluate", 1.5, address_of_evaluate, (MARKS, TABLE, TILES)),
                Click("a cell to its faces", 0.5, "", click_cell),
                Click("a threshold to its figures", 0.5, "&evaluate_view=Curves", move_threshold),
            ),
            *measure(
                few, View("Compare, Figures", 1.5, address_of_compare, (TABLE, MARKS, ALL_MODELS))
            ),
            *measure(
                few,
                View("Compare, Pairs", 1.5, address_of_pairs, (MARKS, SECOND_MARKS, TILES)),
                Click("a pair to its verdict", 0.5, "", partial(click_pair, few)),
            ),
            *measure(
                many, View(f"Compare, all {MANY}", 3.0, address_of_all, (TABLE, MARKS, ALL_MODELS))
            ),
        ]
    sys.exit(int(not all(kept)))


def address_of_evaluate(names: Sequence[str]) -> str:
    """Return where the first of some models is judged."""
    return f"/evaluate?evaluate_model={names[0]}"


def address_of_compare(names: Sequence[str]) -> str:
    """Return where some models are compared."""
    return "/compare?" + "&".join(f"compare_models={name}" for name in names)


def address_of_pairs(names: Sequence[str]) -> str:
    """Return where some models are compared in pairs."""
    return f"{address_of_compare(names)}&compare_view=Pairs"


def address_of_all(names: Sequence[str]) -> str:
    """Return where all models are compared; where two are, if these are two."""
    return "/compare?compare_all=true" if len(names) > 2 else address_of_compare(names)


def measure(models: Models, view: View, *clicks: Click) -> list[bool]:
    """Time a view on a server of its own, then clicks on it; return what was kept."""
    names = list(models.titles)
    with opened(models.workspace) as (url, page):
        open_view(page, url, view, models.others)
        seconds = [open_view(page, url, view, names) for _ in range(1 + ROUNDS)]
        kept = [report(view, seconds)]
        for click in clicks:
            open_page(page, url + view.address(names) + click.more, [MARKS])
            kept.append(report(click, [click.do(page, time) for time in range(1 + ROUNDS)]))
    return kept


def report(timed: Timed, seconds: Sequence[float]) -> bool:
    """Print the first time and the median of the others; tell whether the promise was kept."""
    first, median = seconds[0], float(np.median(seconds[1:]))
    kept = median <= timed.most
    verdict = "MISSED" if not kept else "kept" if first <= timed.most else "kept, but not at first"
    print(
        f"{timed.what}: first {first:.2f} s, then {median:.2f} s, the median of {ROUNDS} "
        f"(at most {timed.most} s): {verdict}",
        flush=True,
    )
    return kept


def open_view(page: Page, url: str, view: View, names: Sequence[str]) -> float:
    """Open a view of some models; return the seconds until it is shown."""
    parts = [Part(part.selector, part.text.format(len(names))) for part in view.parts]
    return open_page(page, url + view.address(names), parts)


def click_cell(page: Page, time: int) -> float:
    """Click a cell of the confusion matrix, another each time; wait for its faces."""
    label, predicted = time, (time + 2) % len(EMOTIONS)
    aim_at_cell(page, label * len(EMOTIONS) + predicted)
    begin = perf_counter()
    click(page)
    wait_for(
        page,
        Part('[data-testid="stButton"]', f"labelled {EMOTIONS[label]}"),
        Part('[data-testid="stButton"]', f"predicted {EMOTIONS[predicted]}"),
        Part(
            ".gallery .tile:first-child .caption",
            rf"^{EMOTIONS[predicted]} \d+\s%, labelled {EMOTIONS[label]}$",
        ),
    )
    return perf_counter() - begin


def move_threshold(page: Page, time: int) -> float:
    """Move the threshold by a step; wait for the figures there."""
    wait_for(page, END)
    page.get_by_role("slider").first.focus()
    begin = perf_counter()
    page.keyboard.press("ArrowRight")
    wait_for(page, Part("p", f"from {0.51 + 0.01 * time:.2f} on"))
    return perf_counter() - begin


def click_pair(models: Models, page: Page, time: int) -> float:
    """Click a cell of the matrix of pairs, another each time; wait for the verdict."""
    titles = list(models.titles.values())
    first, second = 2 * time + 2, 2 * time + 3
    aim_at_cell(page, first * len(titles) + second)
    begin = perf_counter()
    click(page)
    wait_for(page, Part("p", f"^{titles[first]} less {titles[second]}:"))
    return perf_counter() - begin


if __name__ == "__main__":
    main()
