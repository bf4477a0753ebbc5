"""The dashboard in a browser, and the time until a page has drawn what it should."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from playwright.sync_api import Page, sync_playwright
from support.server import Server, serve

ROUNDS = 5
POINTS = ".js-plotly-plot .scatterlayer .point"
HOVER_MS = 200
# Playwright's own waiting polls twice a second only.
ALL_VISIBLE = """elements => elements.every(([selector, text]) =>
  [...document.querySelectorAll(selector)].some(element =>
    element.checkVisibility() && new RegExp(text).test(element.textContent)))"""


class Element(NamedTuple):
    """Something visible on a page: a CSS selector, and a regular expression of its text."""

    selector: str
    text: str = ""


FINISHED = Element('[data-test-script-state="notRunning"]')


@contextmanager
def open_dashboard(workspace: Path) -> Iterator[tuple[Server, Page]]:
    """Serve the dashboard and give it with an empty page of a browser."""
    with serve(workspace) as server, sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield server, browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


def open_page(page: Page, address: str, elements: Sequence[Element]) -> float:
    """Open an address; return the seconds until the elements are drawn and the script has ended."""
    page.goto("about:blank")
    start = perf_counter()
    page.goto(address)
    wait_for(page, *elements, FINISHED)
    return perf_counter() - start


def wait_for(page: Page, *elements: Element) -> None:
    """Wait until all elements are visible; checked for each frame that the browser draws."""
    page.wait_for_function(ALL_VISIBLE, arg=elements, timeout=60_000)


def hover_cell(page: Page, index: int) -> None:
    """Move the pointer to a cell of the first chart and wait until the chart has noticed."""
    wait_for(page, FINISHED)
    page.locator(POINTS).nth(index).hover(force=True)
    page.wait_for_timeout(HOVER_MS)


def click(page: Page) -> None:
    """Click where the pointer is."""
    page.mouse.down()
    page.mouse.up()


def median_of_rounds(measure: Callable[[], float]) -> float:
    """Return the median of some measurements."""
    return float(np.median([measure() for _ in range(ROUNDS)]))
