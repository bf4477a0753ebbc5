"""Every page in a real browser, and a training that is started there."""

import re
import shutil

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import serve, wait_ready

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
def test_every_page_opens_without_an_error(server: str, browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    for address, title in PAGES.items():
        page.goto(f"{server}/{address}")
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=30_000)
        wait_ready(page)
        expect(page.locator(WRONG)).to_have_count(0)
    context.close()


def test_a_run_started_on_the_train_page_shows_progress_and_can_be_stopped(
    trained, tmp_path, page: Page
) -> None:
    workspace = tmp_path / "served"
    shutil.copytree(trained / "datasets", workspace / "datasets")
    with serve(workspace, tmp_path / "server.log") as server:
        page.goto(f"{server.url}/train")
        page.get_by_role("textbox", name="Widths").fill("8")
        page.get_by_role("textbox", name="Widths").press("Enter")
        expect(page.get_by_text("--widths 8")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_text(re.compile(r"epoch \d+/40 .*left"))).to_be_visible(timeout=90_000)
        page.reload()
        expect(page.get_by_text(re.compile(r"epoch \d+/40 .*left"))).to_be_visible(timeout=30_000)
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_test_id("stMarkdown").get_by_text("stopped")).to_be_visible(
            timeout=30_000
        )
        expect(page.locator(WRONG)).to_have_count(0)
