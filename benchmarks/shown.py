"""A page in a browser, and when it has drawn what it should."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

from dataset import serve
from playwright.sync_api import Page, sync_playwright

POINTS = ".js-plotly-plot .scatterlayer .point"
AIMING_MS = 200
# What Playwright waits for by itself it looks for twice a second only. Galleries are shadow roots.
SHOWN = """parts => {
  const own = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
  const roots = [document, ...own.map(element => element.shadowRoot).filter(Boolean)]
  return parts.every(([selector, text]) => roots.some(root =>
    [...root.querySelectorAll(selector)].some(element =>
      element.checkVisibility() && new RegExp(text).test(element.textContent))))
}"""


class Part(NamedTuple):
    """Something a page shows: a CSS selector, and a pattern of its text."""

    selector: str
    text: str = ""


END = Part('[data-test-script-state="notRunning"]')


@contextmanager
def opened(workspace: Path) -> Iterator[tuple[str, Page]]:
    """Serve a workspace; give its address and a page of a browser."""
    os.environ["EMOTION_WORKSPACE"] = str(workspace)
    with serve(workspace) as (url, _), sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield url, browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


def open_page(page: Page, address: str, parts: Sequence[Part]) -> float:
    """Open an address and wait until its parts are drawn and the script has ended."""
    page.goto("about:blank")
    for _ in range(100):  # until the server listens
        start = perf_counter()
        try:
            page.goto(address)
            break
        except Exception:
            sleep(0.1)
    wait_for(page, *parts, END)
    return perf_counter() - start


def wait_for(page: Page, *parts: Part) -> None:
    """Wait until a page shows these parts; it is looked at for each picture it draws."""
    page.wait_for_function(SHOWN, arg=parts, timeout=60_000)


def aim_at_cell(page: Page, number: int) -> None:
    """Move the pointer to a cell of the first chart and wait until the chart has seen it."""
    wait_for(page, END)
    page.locator(POINTS).nth(number).hover(force=True)
    page.wait_for_timeout(AIMING_MS)


def click(page: Page) -> None:
    """Click where the pointer is."""
    page.mouse.down()
    page.mouse.up()
