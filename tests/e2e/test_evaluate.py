"""Clicks on the confusion matrix, and an evaluation started from the page."""

import shutil

from playwright.sync_api import Page, expect

from tests.e2e.conftest import serve, wait_ready


def click_cell(page: Page, row: int, column: int) -> None:
    """Click the middle of a cell of the confusion matrix."""
    plot = page.locator(".js-plotly-plot").first.locator(".nsewdrag").first
    box = plot.bounding_box()
    assert box is not None
    x = box["x"] + (column + 0.5) * box["width"] / 7
    y = box["y"] + (row + 0.5) * box["height"] / 7
    page.mouse.move(x - 3, y)
    page.wait_for_timeout(150)
    page.mouse.click(x, y)


def test_a_click_on_a_cell_opens_its_faces_and_there_is_a_way_back(trained, server: str, page):
    run = next((trained / "runs").iterdir()).name
    page.goto(f"{server}/evaluate?evaluate_model={run}")
    expect(page.locator(".js-plotly-plot .scatterlayer text").first).to_be_visible(timeout=30_000)
    wait_ready(page)
    click_cell(page, 3, 3)
    expect(page.get_by_role("button", name="labelled happy")).to_be_visible()
    captions = page.locator(".gallery .caption")
    expect(captions.first).to_contain_text("happy")
    assert all(text.startswith("happy") for text in captions.all_inner_texts())
    page.get_by_role("button", name="All mistakes").click()
    expect(page.get_by_role("heading", name="Mistakes, most confident first")).to_be_visible()


def test_missing_predictions_are_computed_from_the_page(trained, tmp_path, page: Page) -> None:
    workspace = tmp_path / "served"
    shutil.copytree(trained, workspace)
    for folder in (workspace / "runs").glob("*/evaluation"):
        shutil.rmtree(folder)
    run = next((workspace / "runs").iterdir()).name
    with serve(workspace, tmp_path / "server.log") as server:
        page.goto(f"{server.url}/evaluate?evaluate_model={run}&evaluate_split=test")
        page.get_by_role("button", name="Evaluate").click(timeout=30_000)
        expect(page.get_by_test_id("stProgress")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Macro F1")).to_be_visible(timeout=60_000)
    assert list((workspace / "runs" / run / "evaluation").glob("*-test/metrics.json"))
