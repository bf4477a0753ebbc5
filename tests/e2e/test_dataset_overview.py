"""Clicks on the Overview of the Dataset page that only a browser can make."""

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import wait_ready


def click_at(where: Locator, across: float, down: float) -> None:
    """Click a place in an element, given as shares of its size, as a hand does: moving there."""
    box = where.bounding_box()
    assert box is not None
    x, y = across * box["width"], down * box["height"]
    where.hover(position={"x": x - 3, "y": y})
    where.page.wait_for_timeout(150)
    where.click(position={"x": x, "y": y})


def expect_chips(page: Page, *words: str) -> None:
    chips = page.locator("button", has=page.get_by_text("close", exact=True))
    expect(chips).to_contain_text(list(words))


def test_boxes_mean_faces_and_rows_open_their_emotion_one_after_another(server: str, page: Page):
    page.goto(f"{server}/dataset?view=Overview")
    contrast = page.locator(".js-plotly-plot").nth(4).locator(".nsewdrag").first
    expect(contrast).to_be_visible(timeout=30_000)
    wait_ready(page)

    click_at(contrast, across=0.05, down=2.5 / 7)  # in the row of fear, left of its box
    expect_chips(page, "labelled fear")
    page.locator(".gallery button.tile").nth(4).click()
    expect_chips(page, "labelled sad")
    page.locator(".gallery button.tile").nth(7 + 5).click()
    expect_chips(page, "labelled surprise")
    click_at(page.get_by_test_id("stDataFrame"), across=0.5, down=4.5 / 8)  # below the head
    expect_chips(page, "train", "labelled happy")
