"""Every page in a real browser, and an import that is started there."""

import re
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import DESKTOP, Server, wait_ready

PAGES = {
    "": "Emotion Detector",
    "dataset": "Dataset",
    "train": "Train",
    "evaluate": "Evaluate",
    "compare": "Compare",
    "live": "Emotion Detector",
}
ERRORS = "[data-testid=stException], [data-testid=stAlertContentError]"


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_every_page_opens_without_an_error_and_fetches_nothing_from_elsewhere(
    server: str, browser: Browser, scheme: str
) -> None:
    fetched: list[str] = []
    context = browser.new_context(color_scheme=scheme, viewport=DESKTOP)
    page = context.new_page()
    page.on("request", lambda request: fetched.append(request.url))
    for address, title in PAGES.items():
        page.goto(f"{server}/{address}")
        heading = page.get_by_role("heading", name=title, level=1)
        expect(heading).to_be_visible(timeout=30_000)
        wait_ready(page)
        expect(page.locator(ERRORS)).to_have_count(0)
        name = (address or "overview").capitalize()
        expect(page).to_have_title(f"{name} · Emotion Detector")
    context.close()
    assert [url for url in fetched if not url.startswith((server, "data:", "blob:"))] == []


@pytest.mark.slow
def test_a_theme_is_chosen_in_the_menu_and_what_lies_over_the_page_has_it(
    server: str, page: Page
) -> None:
    page.goto(f"{server}/train?train.view=New+run")
    app = page.get_by_test_id("stApp")
    for theme, background in (("Dark", "rgb(18, 22, 28)"), ("Light", "rgb(255, 255, 255)")):
        page.get_by_test_id("stMainMenu").click()
        page.get_by_role("menuitemradio", name=theme).click()
        expect(app).to_have_css("background-color", background)
        expect(page.locator(".st-key-train-start-bar")).to_have_css("background-color", background)
        page.keyboard.press("Escape")


def test_the_server_answers_under_its_own_names_only(server: str) -> None:
    port = server.rpartition(":")[2]
    for host, status in (
        ("localhost", 101),
        ("127.0.0.1", 101),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
    ):
        connection = HTTPConnection("127.0.0.1", int(port))
        headers = {
            "Host": f"{host}:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        connection.request("GET", "/_stcore/stream", headers=headers)
        assert connection.getresponse().status == status, host
        connection.close()


@pytest.mark.slow
def test_a_data_set_imported_beside_another_is_shown(writable: Server, page: Page) -> None:
    page.goto(f"{writable.url}/dataset")
    page.get_by_role("button", name="Import…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("sample-2", timeout=20_000)
    dialog.get_by_role("button", name="Import").click()
    expect(dialog).to_have_count(0, timeout=20_000)
    expect(page.get_by_text(re.compile("sample-2 · 1,400 faces"))).to_be_visible(timeout=60_000)
    expect(page.locator(ERRORS)).to_have_count(0)
