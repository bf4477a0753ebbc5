"""Colors and layout that all charts share, readable on light and dark pages."""

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Literal

import plotly.graph_objects as go

SERIES = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
"""Colors of things that are not emotions, such as models (Tol's bright scheme)."""

DASHES = ("solid", "dash", "dot", "dashdot")
"""Line styles, so that more models than colors stay apart."""

AVERAGE = "#56B4E9"
"""The color of averages over emotions."""

REFERENCE = "rgba(128, 128, 128, 0.6)"
"""The color of guide lines; reads on light and dark."""

MARK = "#E69F00"
"""The color of the frame around a selected cell."""

BLUES = ((0.0, "rgba(8, 81, 156, 0)"), (1.0, "rgba(8, 81, 156, 1)"))
"""Sequential scale, from the page's background to deep blue."""

DIVERGING = (
    (0.0, "rgba(184, 90, 18, 1)"),
    (0.5, "rgba(184, 90, 18, 0)"),
    (0.5, "rgba(8, 81, 156, 0)"),
    (1.0, "rgba(8, 81, 156, 1)"),
)
"""Diverging scale for differences, orange below 0 and blue above; 0 is transparent."""

WHITE_TEXT_FROM = 0.65
"""From this strength on, 0-1, the number in a cell is white."""

NO_MODE_BAR = {"displayModeBar": False}
"""Plotly's configuration of charts on pages."""

FADED = 0.35
"""The opacity of marks that are not selected."""

CLICKED = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": FADED}}}
"""Opacity between a click and the next drawing; without it plotly raises on bars with text."""


_STANDOFF_PX = 16  # less, and the title touches the numbers of a narrow chart
_LEGEND_CHARS = 34  # of a line: a phone cuts longer ones


def chart_text(text: str) -> str:
    """Return a name as plotly shows it as it is, without `<b>`, links or `%{…}` in effect."""
    return escape(text, quote=False).replace("%{", "&#37;{")


def in_two_lines(name: str, chars: int = _LEGEND_CHARS) -> str:
    """Return a name as plotly shows it, in at most two lines of so many characters."""
    lines = wrap(name, chars, break_on_hyphens=False)
    if len(lines) > 2:  # by `max_lines` a long word would vanish from the second line
        lines = [lines[0], f"{lines[1][: chars - 1].rstrip()}…"]
    return "<br>".join(map(chart_text, lines))


def finish(
    figure: go.Figure, x_title: str, y_title: str, height: int = 380, legend: bool = True
) -> go.Figure:
    """Set axis titles and the layout that all charts share.

    Args:
        figure: the figure; it is changed.
        x_title: with its unit.
        y_title: with its unit.
        height: pixels.
        legend: whether to show one, above the plot.

    Returns:
        The same figure.
    """
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        hoverlabel={"align": "left"},
    )
    title = {"standoff": _STANDOFF_PX}
    figure.update_xaxes(title={"text": x_title, **title}, automargin=True, zeroline=False)
    figure.update_yaxes(title={"text": y_title, **title}, automargin=True, zeroline=False)
    return figure


def blue_cells(strength: object, **names: object) -> go.Heatmap:
    """Return a heat map from the page's own background to deep blue, without a color bar.

    Args:
        strength: (rows, columns), 0-1; NaN leaves a cell transparent.
        **names: `x` and `y`, names of columns and rows; numbers if not given.
    """
    return go.Heatmap(
        z=strength,
        zmin=0,
        zmax=1,
        colorscale=BLUES,
        showscale=False,
        hoverinfo="skip",
        xgap=2,
        ygap=2,
        **names,
    )


def colored_number(text: str, strength: float) -> str:
    """Return the number of a cell as HTML, white on strong colors, 0-1."""
    # `currentColor` is the text color of the page, on light and dark.
    color = "white" if strength > WHITE_TEXT_FROM else "currentColor"
    return f'<span style="color: {color}">{text}</span>'


def make_clickable(figure: go.Figure, along: Literal["x", "y", "closest"] = "closest") -> None:
    """Configure a chart so that a click anywhere selects one mark, and dragging is off.

    Args:
        figure: the figure; it is changed.
        along: select the mark in the pointer's column (`x`) or row (`y`), or the closest one.
    """
    figure.update_layout(
        clickmode="event+select", dragmode=False, hovermode=along, hoverdistance=-1
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)


def series_style(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return name → color and dash of series that are not emotions, by their order."""
    return {
        name: {"color": SERIES[i % len(SERIES)], "dash": DASHES[i // len(SERIES) % len(DASHES)]}
        for i, name in enumerate(names)
    }


def opacities(marks: Sequence[object], chosen: object | None) -> list[float]:
    """Return the opacity of each mark, lower beside a chosen one."""
    return [1.0 if chosen in (None, mark) else FADED for mark in marks]
