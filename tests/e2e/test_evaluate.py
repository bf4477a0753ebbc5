"""Clicks on the Evaluate page open the right faces, and its address carries them."""

import re
import shutil

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server, serve, wait_ready
from tests.e2e.plots import click_point, points


def open_view(page: Page, server: Server, view: str) -> None:
    choices = "evaluate_model=custom_cnn&evaluate_dataset=sample&evaluate_split=validation"
    page.goto(f"{server.url}/evaluate?{choices}&evaluate_view={view}")
    expect(page.locator(".js-plotly-plot .nsewdrag").first).to_be_attached(timeout=30_000)
    expect(page.locator(".gallery .tile").first).to_be_visible()
    wait_ready(page)


def captions(page: Page) -> list[str]:
    tiles = page.locator(".gallery .caption")
    expect(tiles.first).to_be_visible()
    return tiles.all_inner_texts()


def test_a_click_on_a_cell_opens_its_faces_and_there_is_a_way_back(two_models, page):
    open_view(page, two_models, "Confusion")
    click_point(page, 0, "happy", "happy")
    expect(page.get_by_role("button", name="labelled happy", exact=True)).to_be_visible()
    expect(page.locator(".gallery .caption").first).to_contain_text("happy")
    assert all(text.startswith("happy") for text in captions(page))
    page.get_by_role("button", name="All mistakes").click()
    expect(page.get_by_role("heading", name=re.compile(r"mistakes?$"))).to_be_visible()


def test_the_address_opens_the_same_faces_for_somebody_else(two_models, page, browser):
    open_view(page, two_models, "Confusion")
    click_point(page, 0, "sad", "sad")
    expect(page.get_by_role("button", name="predicted sad", exact=True)).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile(r"^\d+ faces?$")).inner_text()
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("button", name="predicted sad", exact=True)).to_be_visible(
        timeout=30_000
    )
    expect(other.get_by_role("heading", name=heading)).to_be_visible()
    context.close()


def test_a_click_on_a_curve_moves_the_threshold_and_its_faces(two_models, page) -> None:
    open_view(page, two_models, "Curves&evaluate_emotion=angry")
    chosen = next(i for i in range(9) if (points(page, 1, i)[0]["data"] or [""])[0] == "angry")
    curve = points(page, 1, chosen)
    middle = curve[len(curve) // 2]
    click_point(page, 1, middle["x"], middle["y"])
    threshold = page.get_by_role("slider")
    expect(threshold).not_to_have_value("0.5")
    now = float(threshold.input_value())
    assert any(now == round(point["data"][1], 2) for point in curve)
    expect(page.get_by_text(f"from {now:.2f} on")).to_contain_text("angry")
    page.get_by_text("found", exact=True).click()
    strange = page.locator(".gallery .caption").filter(has_not_text="angry")
    expect(strange).to_have_count(0)
    assert captions(page)


def test_a_bin_of_confidence_opens_faces_that_the_model_is_so_sure_of(two_models, page):
    open_view(page, two_models, "Calibration")
    surest = points(page, 0, 0)[-1]
    low, high = (round(100 * (surest["data"][0] + end) / 15) for end in (0, 1))
    click_point(page, 0, surest["x"], surest["y"])
    expect(page.get_by_role("button", name=f"confidence {low} – {high} %")).to_be_visible()
    found = (re.search(r"(\d+)\s%", text) for text in captions(page))
    assert all(each and low <= int(each[1]) <= high for each in found)


def test_activation_maps_and_a_face_open_with_real_pictures(two_models, page) -> None:
    open_view(page, two_models, "Confusion")
    page.get_by_text("All", exact=True).click()
    face = page.locator(".gallery img").first
    before = face.get_attribute("src") or ""
    page.get_by_text("Class activation map").click()
    expect(face).not_to_have_attribute("src", before)
    page.locator(".gallery button.tile").first.click()
    expect(page.get_by_role("dialog").get_by_text("What the models say")).to_be_visible()


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
