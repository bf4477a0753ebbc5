"""Every page in a real browser, and an import and a training that are started there."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server, serve, wait_ready

PAGES = {
    "": "Emotion Detector",
    "dataset": "Dataset",
    "train": "Train",
    "evaluate": "Evaluate",
    "compare": "Compare",
    "live": "Emotion Detector",
}
WRONG = "[data-testid=stException], [data-testid=stAlertContentError]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_opens_without_an_error_and_fetches_nothing_from_elsewhere(
    server: str, browser: Browser, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    for address, title in PAGES.items():
        page.goto(f"{server}/{address}")
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=30_000)
        wait_ready(page)
        expect(page.locator(WRONG)).to_have_count(0)
    context.close()
    assert [url for url in fetched if not url.startswith((server, "data:", "blob:"))] == []


@pytest.fixture
def own_server(trained, tmp_path) -> Iterator[Server]:
    """A dashboard on a workspace of the test's own, with the drawn faces."""
    shutil.copytree(trained / "datasets", tmp_path / "served" / "datasets")
    with serve(tmp_path / "served", tmp_path / "server.log") as server:
        yield server


def test_a_data_set_imported_beside_another_is_shown(own_server: Server, page: Page) -> None:
    page.goto(f"{own_server.url}/dataset")
    page.get_by_role("button", name="Import…").click()
    name = page.get_by_role("dialog").get_by_role("textbox", name="Name")
    expect(name).to_have_value("sample-2", timeout=20_000)
    page.get_by_role("dialog").get_by_role("button", name="Import").click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=20_000)
    expect(page.get_by_text(re.compile("sample-2 · 1,400 faces"))).to_be_visible(timeout=60_000)
    expect(page.locator(WRONG)).to_have_count(0)
