"""The Live page in a browser: its tab, START and STOP, and what they show."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.e2e.browser import DESKTOP, Server, wait_ready

IS_PLAYING = """() => {
    const frame = document.querySelector('iframe[title*="webrtc_streamer"]');
    const video = frame.contentDocument.querySelector("video");
    return video && video.readyState >= 2 && video.videoWidth > 0;
}"""


def open_tab(browser: Browser, server: Server) -> Page:
    page = browser.new_context(viewport=DESKTOP).new_page()
    page.goto(f"{server.url}/live")
    expect(page.get_by_role("heading", name="Emotion Detector")).to_be_visible(timeout=30_000)
    return page


def webcam(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def button(page: Page, name: str) -> Locator:
    return webcam(page).get_by_role("button", name=name)


def face(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^Face \d+ · ")).first


def start(page: Page, within_s: float = 10) -> float:
    """Press START and return the seconds until a face is labeled."""
    pressed = time.monotonic()
    button(page, "START").click()
    try:
        expect(face(page)).to_be_visible(timeout=1000 * within_s)
    except AssertionError as error:  # its message shows the page, but not the component's frame
        error.add_note(f"The camera's frame: {webcam(page).locator('body').inner_text()!r}")
        raise
    return time.monotonic() - pressed


def stop_button(page: Page) -> Locator:
    """Return the page's STOP; Streamlit has a button "Stop", too."""
    return page.get_by_role("button", name="STOP Shortcut Q")


def stop(page: Page) -> None:
    stop_button(page).click()
    expect(button(page, "START")).to_be_visible()


def go(page: Page, name: str) -> None:
    """Go to a page by the sidebar."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    if name == "Live":
        expect(button(page, "START")).to_be_visible()
    wait_ready(page)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
    return False


def has_worker(server: Server) -> bool:
    return bool(re.search(r"worker\.py\", line \d+, in _work", server.stacks()))
