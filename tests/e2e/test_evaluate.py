"""Clicks on the Evaluate page filter its faces, and its address opens the same faces."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import DESKTOP, Server, wait_ready
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


@pytest.mark.slow
def test_a_click_on_a_cell_filters_the_faces_and_its_address_does_so_elsewhere(
    two_models, page, browser
):
    open_view(page, two_models, "Confusion")
    click_point(page, 0, "happy", "happy")
    expect(page.get_by_role("button", name="labeled happy", exact=True)).to_be_visible()
    expect(page.locator(".gallery .caption").first).to_contain_text("happy")
    assert all(text.startswith("happy") for text in captions(page))

    heading = page.get_by_role("heading", name=re.compile(r"^\d+ faces?$")).inner_text()
    context = browser.new_context(viewport=DESKTOP)
    other = context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("button", name="predicted happy", exact=True)).to_be_visible(
        timeout=30_000
    )
    expect(other.get_by_role("heading", name=heading)).to_be_visible()
    context.close()

    page.get_by_role("button", name="All mistakes").click()
    expect(page.get_by_role("heading", name=re.compile(r"mistakes?$"))).to_be_visible()


@pytest.mark.slow
def test_a_click_on_a_curve_moves_the_decision_threshold_and_its_faces(two_models, page):
    open_view(page, two_models, "Curves&evaluate_emotion=angry")
    angry = next(i for i in range(9) if (points(page, 1, i)[0]["data"] or [""])[0] == "angry")
    curve = points(page, 1, angry)
    middle = curve[len(curve) // 2]
    click_point(page, 1, middle["x"], middle["y"])
    threshold = page.get_by_role("slider")
    expect(threshold).not_to_have_value("0.5")
    now = float(threshold.input_value())
    assert any(now == round(point["data"][1], 2) for point in curve)
    expect(page.get_by_text(f"at threshold {now:.2f}")).to_contain_text("angry")
    page.get_by_text("True positives", exact=True).click()
    expect(page.locator(".gallery .caption").filter(has_not_text="angry")).to_have_count(0)
    assert captions(page)


@pytest.mark.slow
def test_a_click_on_a_bin_of_confidence_filters_the_faces(two_models, page):
    open_view(page, two_models, "Calibration")
    last = points(page, 0, 0)[-1]
    low, high = (round(100 * (last["data"][0] + end) / 15) for end in (0, 1))
    click_point(page, 0, last["x"], last["y"])
    expect(page.get_by_role("button", name=f"confidence {low}–{high}%")).to_be_visible()
    confidences = (re.search(r"(\d+)%", text) for text in captions(page))
    assert all(found and low <= int(found[1]) <= high for found in confidences)


@pytest.mark.slow
def test_activation_maps_lie_over_the_faces_and_a_face_opens(two_models, page: Page) -> None:
    open_view(page, two_models, "Confusion")
    page.get_by_text("All", exact=True).click()
    face = page.locator(".gallery img").first
    before = face.get_attribute("src") or ""
    page.get_by_text("Class activation map").click()
    expect(face).not_to_have_attribute("src", before)
    page.locator(".gallery button.tile").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.slow
def test_missing_predictions_are_computed_from_the_page(two_models, page: Page) -> None:
    choices = "evaluate_model=custom_cnn&evaluate_dataset=sample&evaluate_split=test"
    page.goto(f"{two_models.url}/evaluate?{choices}")
    page.get_by_role("button", name="Evaluate").click(timeout=30_000)
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Macro F1")).to_be_visible(timeout=60_000)
