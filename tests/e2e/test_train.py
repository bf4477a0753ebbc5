"""A training from its start to its end as a person sees it, and a sweep."""

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from pipeline.runs import Run, list_runs
from tests.conftest import wait_for
from tests.e2e.conftest import serve, wait_ready
from tests.e2e.test_pages import WRONG

FIELDS = {
    "Widths, channels": "8",
    "Epochs": "30",
    "Batch size, faces": "16",
    "Early stopping patience, epochs": "0",
}


@pytest.fixture
def train_page(trained, empty_workspace, tmp_path, page) -> Page:
    """The Train page of a dashboard whose workspace holds the drawn faces and no run."""
    shutil.copytree(trained / "datasets", empty_workspace / "datasets")
    with serve(empty_workspace, tmp_path / "server.log") as server:
        page.goto(f"{server.url}/train")
        wait_ready(page)
        yield page


def fill_in(page: Page) -> None:
    for label, value in FIELDS.items():
        page.get_by_label(label, exact=True).fill(value)
        page.keyboard.press("Enter")
    expect(page.get_by_text("--epochs 30")).to_be_visible(timeout=20_000)


def shown_epoch(page: Page) -> int:
    """The epoch that the bar of the training names."""
    words = page.get_by_text(re.compile(r"^epoch \d+/30 ·")).first
    return int(re.search(r"epoch (\d+)/", words.inner_text(timeout=60_000)).group(1))


def see_it_move(page: Page) -> None:
    before = shown_epoch(page)
    wait_for(lambda: shown_epoch(page) > before, 150)


def see_state(page: Page, run: Run, state: str) -> None:
    expect(page.get_by_role("heading", name=run.name)).to_contain_text(state, timeout=150_000)


def test_a_run_is_started_watched_stopped_resumed_and_seen_finished(train_page):
    page = train_page
    fill_in(page)
    page.get_by_role("button", name="Start training").click()
    see_it_move(page)
    (run,) = list_runs()

    page.reload()
    see_it_move(page)
    page.get_by_role("button", name="Stop after this epoch").click()
    see_state(page, run, "stopped")
    before = run.history()

    page.get_by_role("button", name="Resume").click()
    see_state(page, run, "running")
    see_it_move(page)
    expect(page).to_have_title(re.compile(r"\d+ % · Emotion Detector"))
    see_state(page, run, "finished")

    expect(page).to_have_title(f"Finished: {run.name} · Emotion Detector", timeout=10_000)
    expect(page.locator(WRONG)).to_have_count(0)
    after = run.history()
    assert after["epoch"].tolist() == list(range(30))
    assert after[: len(before)].equals(before)
