"""The focus stays where the action was, also where the button that was pressed is gone."""

import re
from contextlib import suppress
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue import queue
from tests.e2e.browser import Server, wait_ready

EVALUATE = "evaluate?evaluate_model=custom_cnn&evaluate_dataset=sample&evaluate_split="
RUN = "<run>"
CHAINS: dict[str, list[tuple[str, ...]]] = {
    "dataset?dataset=sample&view=Audit": [("Audit images", "Cancel", "Audit images")],
    "dataset?dataset=sample&view=Map": [("Compute map", "Cancel", "Compute map")],
    "train?train.view=New+run": [
        ("Estimate", "Cancel", "Estimate"),
        ("Resample", "Resample"),
        ("Reset to Quick", "Reset to Quick"),
    ],
    f"{EVALUATE}validation&evaluate_labeled=happy&evaluate_predicted=sad": [
        ("labeled happy", "predicted sad", "Likely mislabeled|Exclude"),
    ],
    f"{EVALUATE}train": [("Evaluate", "Split")],  # only a progress bar takes its place
    f"compare?compare_models={RUN}&compare_dataset=sample&compare_split=validation": [
        ("Measure the time of", "Cancel", "Measure the time of"),
    ],
}
"""Address → chains of buttons: when one was pressed, what has the next name has the focus."""

LOADED = "[...document.querySelectorAll('.st-key-focus *')].some((each) => each.shadowRoot?.stop)"
"""Whether focus.js runs, which the page loads last."""


@pytest.mark.slow
def test_the_focus_goes_to_what_takes_the_place_of_a_button(two_models: Server, page: Page) -> None:
    (run,) = (two_models.workspace / "runs").glob("[!.]*")
    for address, chains in CHAINS.items():
        _open(page, f"{two_models.url}/{address.replace(RUN, run.name)}")
        for chain in chains:
            for pressed, following in pairwise(chain):
                page.keyboard.press("Tab")
                page.get_by_role("button", name=re.compile(pressed)).last.press("Enter")
                focused = expect(page.locator(":focus"), f"{pressed} of {address}")
                focused.to_have_accessible_name(re.compile(following), timeout=30_000)


@pytest.mark.slow
def test_the_focus_follows_a_run(writable: Server, page: Page, monkeypatch) -> None:
    """It does where the run moves in the queue, and where its buttons become others."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(writable.workspace))
    with queue.worker_lock():  # so that nothing is trained
        runs = [queue.submit(TrainConfig(dataset="sample")) for _ in range(3)]
        try:
            _open(page, f"{writable.url}/train?train.view=Runs&train.run={runs[1].name}")
            opened, queued = (
                [f".st-key-train-{place}-{run.name}" for run in runs]
                for place in ("open-actions", "queued")
            )
            for place, pressed, following in (
                (queued[0], "Later", "Later"),
                (queued[0], "Earlier", "Later"),  # the first one has no Earlier
                (opened[1], "Cancel", "Resume"),
                (opened[1], "Resume", "Cancel"),
            ):
                button = page.locator(place).get_by_role("button", name=pressed)
                expect(button).to_be_enabled()  # "Earlier" is not before the run has moved
                page.keyboard.press("Tab")
                button.press("Enter")
                focused = page.locator(place).locator(":focus")
                expect(focused).to_have_accessible_name(re.compile(following), timeout=30_000)
        finally:
            for run in runs:
                with suppress(UserError):  # stopped already, if the test has failed
                    queue.stop(run)


def _open(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=30_000)
    wait_ready(page)
    page.wait_for_function(LOADED)
