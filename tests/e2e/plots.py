"""Clicks on points of charts, by what they show."""

from typing import Any

from playwright.sync_api import Page, expect

_PLACE = """([number, x, y]) => {
  const chart = document.querySelectorAll(".js-plotly-plot")[number]
  const box = chart.querySelector(".nsewdrag").getBoundingClientRect()
  const { xaxis, yaxis } = chart._fullLayout
  return [box.x + xaxis.d2p(x), box.y + yaxis.d2p(y)]
}"""


def click_point(page: Page, number: int, x: Any, y: Any) -> None:
    """Click where a chart shows a value; the arguments are those of `hover_point`."""
    page.mouse.click(*hover_point(page, number, x, y))  # it selects what it hovers


def hover_point(page: Page, number: int, x: Any, y: Any) -> tuple[float, float]:
    """Point at where a chart shows a value, once it stands still, and return the place.

    Args:
        page: the page, which has been settled.
        number: of the chart on the page, from 0.
        x: the value along x, a number or a category.
        y: the value along y.
    """
    chart = page.locator(".js-plotly-plot").nth(number)
    expect(chart.locator(".nsewdrag").first).to_be_attached(timeout=30_000)
    chart.scroll_into_view_if_needed()
    before, now = None, page.evaluate(_PLACE, [number, x, y])
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, page.evaluate(_PLACE, [number, x, y])
    left, top = now
    page.mouse.move(left - 3, top)
    page.mouse.move(left, top)
    expect(chart.locator(".hoverlayer .hovertext").first).to_be_visible()
    return left, top


def points(page: Page, number: int, trace: int) -> list[dict[str, Any]]:
    """Return the points of a trace: x, y and custom data."""
    return page.evaluate(
        """([number, trace]) => {
          const chart = document.querySelectorAll(".js-plotly-plot")[number]
          return chart.calcdata[trace].map(p => ({ x: p.x, y: p.y, data: p.data }))
        }""",
        [number, trace],
    )
