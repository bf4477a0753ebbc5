"""Clicks on the Compare page: from a pair to its difference, and to the faces of a cell."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Server, wait_ready
from tests.e2e.plots import click_point


def open_view(page: Page, server: Server, view: str) -> None:
    (run,) = (server.workspace / "runs").glob("[!.]*")
    choices = f"compare_models=custom_cnn&compare_models={run.name}&compare_dataset=sample"
    page.goto(f"{server.url}/compare?{choices}&compare_split=validation&compare_view={view}")
    expect(page.locator(".js-plotly-plot .nsewdrag").first).to_be_attached(timeout=30_000)
    wait_ready(page)


@pytest.mark.slow
def test_a_click_on_a_pair_and_on_a_cell_opens_the_faces_that_differ(two_models, page) -> None:
    open_view(page, two_models, "Pairwise")
    rows = page.evaluate("document.querySelector('.js-plotly-plot')._fullLayout.yaxis._categories")
    names = [row.rpartition("  ")[0].replace("<br>", " ") for row in rows]
    assert names[0] == "custom_cnn" and names[1].startswith("custom_cnn · sample · ")
    click_point(page, 0, "#1", rows[1])
    expect(page.get_by_text(f"{names[1]} minus {names[0]}").first).to_be_visible()
    click_point(page, 1, "happy", "happy")
    expect(page.get_by_role("button", name="labeled happy, predicted happy")).to_be_visible()
    tiles = page.locator(".gallery .caption")
    expect(tiles.first).to_have_text("happy")
    assert set(tiles.all_inner_texts()) == {"happy"}
    note = page.locator(".gallery .mark").first.inner_text()
    assert re.match(r"first happy \d+% · second (?!happy)", note)


@pytest.mark.slow
def test_times_are_measured_from_the_page_and_drawn(two_models, page: Page) -> None:
    open_view(page, two_models, "Metrics&compare_cost=size")
    page.get_by_role("button", name="Measure the time of 2 models").click()
    expect(page.get_by_text("has not been measured on this machine")).to_be_hidden(timeout=60_000)
    wait_ready(page)
    page.get_by_role("radio", name="time").click()
    expect(page.locator(".js-plotly-plot .xtitle").first).to_have_text("milliseconds a face")
    expect(page.locator(".js-plotly-plot .scatterlayer text").first).to_be_visible()
