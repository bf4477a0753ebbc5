"""Pages under test: open one, click on it, and read what it shows."""

import json
import re
from typing import Any

from streamlit.testing.v1 import AppTest

from pipeline.workspace import PROJECT

HOME = str(PROJECT / "dashboard" / "Home.py")
DATASET_PAGE = str(PROJECT / "dashboard" / "app_pages" / "dataset.py")


def open_page(name: str, **address: Any) -> AppTest:
    """Open a page by the router, with query parameters, whose names begin with the page's."""
    app = AppTest.from_file(HOME, default_timeout=30)
    app.switch_page(f"app_pages/{name}.py")
    for parameter, value in address.items():
        app.query_params[f"{name}_{parameter}"] = value
    app.run()
    assert not app.exception
    return app


def open_dataset(view: str = "Overview") -> AppTest:
    """Open a view of the Dataset page, without the router and its sidebar."""
    app = AppTest.from_file(DATASET_PAGE, default_timeout=60)
    app.query_params["view"] = view
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Return all text on the page, as it is shown."""
    kinds = (
        app.markdown,
        app.caption,
        app.header,
        app.subheader,
        app.text,
        app.info,
        app.warning,
        app.error,
    )
    values = [element.value for kind in kinds for element in kind]
    return as_shown("\n".join([*values, *(bar.text for bar in app.get("progress"))]))


def as_shown(markdown: str) -> str:
    """Return Markdown without the escapes of `escape_markdown`."""
    return re.sub(r":color\[\\(.)\]", r"\1", markdown).replace("\\", "")


def button(app: AppTest, label: str):
    return next(button for button in app.button if button.label == label)


def press(app: AppTest, label: str) -> AppTest:
    button(app, label).click().run()
    assert not app.exception
    return app


def labels(app: AppTest) -> list[str]:
    """Return the labels of all buttons and popovers."""
    popovers = [block.proto.popover.label for block in app.get("popover")]
    return [button.label for button in app.button] + popovers


def links(app: AppTest) -> list[str]:
    """Return the texts of all links to pages, without Markdown."""
    found = [link.proto.label for link in app.get("page_link")]
    return [label.replace("\\", "").strip("*") for label in found]


def heading(app: AppTest) -> str:
    """Return the heading of the gallery, such as `12 faces`."""
    return app.header[-1].value


def tiles(app: AppTest, number: int = -1) -> list[dict[str, Any]]:
    """Return the tiles of one of the page's galleries, by default the last one."""
    return json.loads(app.get("bidi_component")[number].proto.json)["tiles"]


def traces(app: AppTest, key: str) -> list[dict[str, Any]]:
    """Return the traces of a chart on the page."""
    (chart,) = (c for c in app.get("plotly_chart") if c.proto.id.endswith(f"-{key}"))
    return json.loads(chart.proto.spec)["data"]


def click(app: AppTest, key: str, **selection: Any) -> None:
    """Send what the browser sends after a click, which AppTest cannot, and run the page.

    Args:
        app: the page.
        key: of the chart or table.
        selection: `points` of a chart, `rows` or `cells` of a table.
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


def active_filters(app: AppTest) -> dict[str, Any]:
    """Return the filters of the Dataset page."""
    return dict(app.session_state["dataset.filters"])
