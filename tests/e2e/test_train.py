"""A training as a person sees it in the browser, from the form to the finished run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from pipeline.runs import Run
from tests.conftest import wait_for
from tests.dashboard.made_runs import make_running
from tests.e2e.browser import Server, unfold, wait_ready
from tests.e2e.test_pages import ERRORS

TIMEOUT_MS = 150_000


def start_training(server: Server, page: Page, epochs: int) -> Run:
    """Fill in the form for a tiny network, start it, and return the run."""
    runs = server.workspace / "runs"
    before = set(runs.glob("[!.]*"))
    page.goto(f"{server.url}/train?train.view=New+run")
    wait_ready(page)
    unfold(page, "Advanced")
    for label, value in {
        "Widths, channels": "8",
        "Epochs": str(epochs),
        "Batch size, faces": "16",
        "Early stopping patience, epochs": "0",
    }.items():
        page.get_by_label(label, exact=True).fill(value)
        page.keyboard.press("Enter")
    expect(page.get_by_text(f"--epochs {epochs} ")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Start training").click()
    wait_for(lambda: set(runs.glob("[!.]*")) - before)
    return Run((set(runs.glob("[!.]*")) - before).pop())


def expect_state(page: Page, run: Run, state: str) -> None:
    expect(page.get_by_text(run.name).first).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_role("heading", level=2).first).to_contain_text(state, timeout=TIMEOUT_MS)


def expect_finished(page: Page, run: Run, epochs: int) -> None:
    expect_state(page, run, "finished")
    title = re.compile("^Finished: custom_cnn · sample · .* · Emotion Detector$")
    expect(page).to_have_title(title, timeout=10_000)
    expect(page.locator(ERRORS)).to_have_count(0)
    assert run.history()["epoch"].tolist() == list(range(epochs))


def expect_next_epoch(page: Page) -> None:
    """Wait until the progress bar shows a later epoch than now."""

    def epoch() -> int:
        bar = page.get_by_text(re.compile(r"^epoch \d+/\d+ ·")).first
        return int(re.search(r"epoch (\d+)/", bar.inner_text(timeout=60_000)).group(1))

    before = epoch()
    wait_for(lambda: epoch() > before, TIMEOUT_MS / 1000)


@pytest.mark.slow
def test_a_training_is_started_and_seen_to_finish(writable: Server, page: Page) -> None:
    run = start_training(writable, page, epochs=2)
    expect_state(page, run, "running")
    expect(page).to_have_title(re.compile(r"^\d+% · Train · Emotion Detector"))
    expect_finished(page, run, epochs=2)


@pytest.mark.slow
def test_a_training_is_watched_stopped_resumed_and_seen_to_finish(
    writable: Server, page: Page
) -> None:
    run = start_training(writable, page, epochs=30)
    expect_next_epoch(page)

    page.reload()
    expect_next_epoch(page)
    page.get_by_role("button", name="Stop after this epoch").click()
    expect_state(page, run, "stopped")
    before = run.history()

    page.get_by_role("button", name="Resume").click()
    expect_state(page, run, "running")
    expect_next_epoch(page)
    expect_finished(page, run, epochs=30)
    assert run.history()[: len(before)].equals(before)


@pytest.fixture
def in_training(writable, monkeypatch) -> Iterator[Run]:
    """A run of the served workspace that this process seems to train."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(writable.workspace))
    run = make_running(step=4, steps=10, eta_s=200.0)
    yield run
    run.update_status(state="finished")
    run.remove()


@pytest.mark.slow
def test_a_training_that_ends_keeps_an_open_dialog_what_was_typed_and_the_focus(
    writable: Server, page: Page, in_training: Run
) -> None:
    page.goto(f"{writable.url}/train?train.run={in_training.name}")
    wait_ready(page)
    page.get_by_role("button", name="Edit…").click()
    page.get_by_label("Note").click()
    page.keyboard.type("half a ")
    table = page.get_by_test_id("stDataFrame").locator("table").first
    expect(table).to_contain_text("▶ running")

    in_training.update_status(state="finished", eta_s=None)

    expect(page.get_by_role("heading", level=2).first).to_contain_text("finished")
    expect(table).not_to_contain_text("▶ running", timeout=2_000)
    expect(table).to_contain_text("✓ finished")
    page.keyboard.type("note")
    expect(page.get_by_label("Note")).to_have_value("half a note")


@pytest.mark.slow
def test_a_training_that_ends_keeps_what_was_typed_into_the_form_of_a_new_run(
    writable: Server, page: Page, in_training: Run
) -> None:
    page.goto(f"{writable.url}/train?train.view=New+run")
    wait_ready(page)
    unfold(page, "Advanced")
    progress = page.get_by_text("3 min 20 s left").first
    expect(progress).to_be_visible()
    widths = page.get_by_role("textbox", name="Widths, channels")
    widths.fill("8,1")

    in_training.update_status(state="finished", eta_s=None)

    expect(progress).to_have_count(0)
    expect(widths).to_be_focused()
    page.keyboard.type("6")
    expect(widths).to_have_value("8,16")


@pytest.mark.slow
def test_the_arrow_keys_open_runs_in_the_table_and_keep_the_focus(
    writable: Server, page: Page, in_training: Run
) -> None:
    page.wait_for_timeout(1_000)  # runs of one second have no order
    newer = make_running("newer")
    page.goto(f"{writable.url}/train?train.run={newer.name}")
    wait_ready(page)
    title = page.get_by_role("heading", level=2).first
    expect(title).to_contain_text("newer")
    page.wait_for_timeout(1_500)  # the table is drawn, and selects the open run's row
    page.get_by_role("combobox", name="Architecture").first.focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") in ("CANVAS", "TD"):
            break

    page.keyboard.press("ArrowDown")

    expect(title).not_to_contain_text("newer")
    expect(page.get_by_text(in_training.name).first).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(title).to_contain_text("newer")
    newer.update_status(state="finished")
    newer.remove()


@pytest.mark.slow
def test_start_is_within_fifteen_tabs_of_the_top_of_the_form(server: str, page: Page) -> None:
    page.goto(f"{server}/train?train.view=New+run")
    wait_ready(page)
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    page.get_by_role("radio", name="Quick").focus()
    for _ in range(15):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").endswith("Start training"):
            break
    expect(page.get_by_role("button", name="Start training")).to_be_focused()
