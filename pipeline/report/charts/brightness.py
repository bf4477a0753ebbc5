"""Brightness or contrast by emotion, as box plots."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.style import CLICKED, finish, make_clickable, opacities

PERCENTILES = (5, 25, 50, 75, 95)
"""Whiskers, quartiles and median of a box."""


def percentiles_by_emotion(
    values: NDArray[np.float32], labels: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the `PERCENTILES` of each emotion's values, float (7, 5); NaN where it has no face.

    Args:
        values: float32 (n,).
        labels: uint8 (n,), indices into `EMOTIONS`.
    """
    percentiles = np.full((len(EMOTIONS), len(PERCENTILES)), np.nan)
    for label in np.unique(labels):
        percentiles[label] = np.percentile(values[labels == label], PERCENTILES)
    return percentiles


def boxes_by_emotion(
    percentiles: NDArray[np.float64], title: str, chosen: str | None = None
) -> go.Figure:
    """Draw a box for each emotion, in its color.

    Streamlit reports no clicks on a box, so a mark lies on its median; it carries `[emotion]` as
    custom data and is hit anywhere in its row.

    Args:
        percentiles: float (7, 5), from `percentiles_by_emotion`.
        title: of the x axis, with its unit.
        chosen: an emotion to highlight.
    """
    figure = go.Figure()
    for label in np.flatnonzero(~np.isnan(percentiles[:, 0])):
        _add_box(figure, EMOTIONS[label], percentiles[label].tolist(), chosen)
    figure.update_yaxes(categoryorder="array", categoryarray=EMOTIONS[::-1], showgrid=False)
    figure.update_xaxes(rangemode="tozero")
    make_clickable(figure, "y")
    return finish(figure, title, "", height=260, legend=False)


def _add_box(figure: go.Figure, emotion: str, box: list[float], chosen: str | None) -> None:
    low, q1, median, q3, high = box
    color = COLORS[emotion]
    (opacity,) = opacities([emotion], chosen)
    figure.add_box(
        y=[emotion],
        orientation="h",
        lowerfence=[low],
        q1=[q1],
        median=[median],
        q3=[q3],
        upperfence=[high],
        line={"color": color, "width": 1.5},
        opacity=opacity,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[median],
        y=[emotion],
        customdata=[[emotion]],
        mode="markers",
        marker={"color": color, "size": 9},
        opacity=opacity,
        hovertext=[
            f"<b>{emotion}</b>: median {median:.0f}<br>half of the faces {q1:.0f}–{q3:.0f}, "
            f"nine of ten {low:.0f}–{high:.0f}"
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        **CLICKED,
    )
