"""Clicks on charts and tables of a page under test."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def click(app: AppTest, key: str, **selection: Any) -> None:
    """Send what the browser sends after a click, which AppTest cannot, and run the page.

    Args:
        app: the page.
        key: of the chart or table.
        selection: `points` of a chart, `cells` of a table.
    """
    (element,) = (
        element
        for kind in ("plotly_chart", "dataframe")
        for element in app.get(kind)
        if element.proto.id.endswith(f"-{key}")
    )
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id = element.proto.id
    state.string_value = json.dumps({"selection": selection})
    app._run(states)


def click_mark(app: AppTest, key: str, mark: list[Any]) -> None:
    """Click the mark of a chart that carries this custom data."""
    click(app, key, points=[{"customdata": mark}])


def drawn(app: AppTest, key: str) -> list[dict[str, Any]]:
    """Return the traces of a chart on the page."""
    (chart,) = (c for c in app.get("plotly_chart") if c.proto.id.endswith(f"-{key}"))
    traces: list[dict[str, Any]] = json.loads(chart.proto.spec)["data"]
    return traces
