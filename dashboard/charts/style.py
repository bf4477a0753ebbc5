"""What all charts share: how they sit on light and dark, and their colours."""

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

SERIES = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
"""Colours of things that are not emotions, such as models (Tol's bright scheme)."""

DASHES = ("solid", "dash", "dot", "dashdot")
"""Line styles, so that more models than colours stay apart."""

AVERAGE = "#56B4E9"
"""The colour of averages over emotions."""

REFERENCE = "rgba(128, 128, 128, 0.6)"
"""The colour of guide lines; reads on light and dark."""

MARK = "#E69F00"
"""The colour of the frame around what was chosen."""

BLUES = ((0.0, "rgba(8, 81, 156, 0)"), (1.0, "rgba(8, 81, 156, 1)"))
"""One sequential blue scale, from the page's own background to deep blue."""

DIVERGING = (
    (0.0, "rgba(184, 90, 18, 1)"),
    (0.5, "rgba(184, 90, 18, 0)"),
    (0.5, "rgba(8, 81, 156, 0)"),
    (1.0, "rgba(8, 81, 156, 1)"),
)
"""One diverging scale for differences, from orange for less to blue for more; 0 is clear."""

WHITE_TEXT_FROM = 0.65
"""How far up the blue scale a cell must be for its number to be white."""

FADED = 0.35
"""The opacity of marks beside the chosen one."""

CLICKED = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": FADED}}}
"""How marks look from a click until they are drawn anew; bars with text fail without."""


def finish(
    figure: go.Figure,
    x_title: str,
    y_title: str,
    height: int = 380,
    legend: bool = True,
) -> go.Figure:
    """Give a figure its axis titles and the look that all charts share.

    Args:
        figure: the figure; it is changed.
        x_title: what the x axis shows, with its unit.
        y_title: what the y axis shows, with its unit.
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
    figure.update_xaxes(title={"text": x_title, "standoff": 8}, automargin=True, zeroline=False)
    figure.update_yaxes(title={"text": y_title, "standoff": 8}, automargin=True, zeroline=False)
    return figure


def blue_cells(strength: object, **names: object) -> go.Heatmap:
    """Return cells from the page's own background to deep blue, with gaps, without a scale.

    Args:
        strength: how blue each cell is, (rows, columns), 0-1; NaN leaves one clear.
        **names: `x` and `y`, what columns and rows are called; else they are numbered.
    """
    return go.Heatmap(
        z=strength, zmin=0, zmax=1, colorscale=BLUES, showscale=False, hoverinfo="skip",
        xgap=2, ygap=2, **names,
    )  # fmt: skip


def make_clickable(figure: go.Figure, along: Literal["x", "y", "closest"] = "closest") -> None:
    """Let a click anywhere tell of one mark and a drag do nothing.

    Args:
        figure: the figure; it is changed.
        along: which mark: that of the pointer's column (`x`) or row (`y`), or the closest.
    """
    figure.update_layout(
        clickmode="event+select", dragmode=False, hovermode=along, hoverdistance=-1
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)


def series_style(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return name → colour and dash for things that are not emotions, by their order."""
    return {
        name: {
            "color": SERIES[i % len(SERIES)],
            "dash": DASHES[i // len(SERIES) % len(DASHES)],
        }
        for i, name in enumerate(names)
    }


def opacities(marks: Sequence[object], chosen: object | None) -> list[float]:
    """Return how opaque each mark is drawn, so that the chosen one stands out; none fades none."""
    return [1.0 if chosen in (None, mark) else FADED for mark in marks]
