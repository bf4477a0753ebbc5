"""Faces as points of the plane, coloured by what they have in common."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import REFERENCE, SERIES, finish
from pipeline.labels import COLOURS

NO_DEFECT = "no defect"
"""The group of faces that nothing sets apart: drawn in grey."""

_SYMBOLS = ("circle", "diamond")
_SIZE_PX = 5
_OPACITY = 0.7
_UNSELECTED_OPACITY = 0.15


def face_map(
    positions: NDArray[np.intp],
    points: NDArray[np.float32],
    groups: NDArray[np.str_],
    legend: Sequence[str],
    hints: NDArray[np.str_],
) -> go.Figure:
    """Draw faces as points; a lasso around some selects them, each with its position.

    Args:
        positions: intp (m,), the faces' places in the data set, carried as custom data.
        points: float32 (m, 2); the axes have no meaning and are not drawn.
        groups: str (m,), what each face is coloured by.
        legend: the groups in their order, at most 12 besides emotions; absent ones are left out.
        hints: str (m,), shown when the mouse is over a point.
    """
    figure = go.Figure()
    named = [group for group in legend if group != NO_DEFECT]
    for group in legend:
        mine = np.flatnonzero(groups == group)
        if len(mine):
            figure.add_scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                customdata=positions[mine],
                hovertext=hints[mine],
                hovertemplate="%{hovertext}<extra></extra>",
                name=group,
                mode="markers",
                marker={"size": _SIZE_PX, "opacity": _OPACITY, **_look(group, named)},
                unselected={"marker": {"opacity": _UNSELECTED_OPACITY}},
            )
    finish(figure, "", "", height=560)
    figure.update_layout(
        dragmode="lasso",
        hovermode="closest",
        legend={"itemsizing": "constant"},
        modebar={"orientation": "v", "bgcolor": "rgba(0, 0, 0, 0)"},  # beside the legend
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def _look(group: str, named: Sequence[str]) -> dict[str, str]:
    if group == NO_DEFECT:
        return {"color": REFERENCE, "symbol": _SYMBOLS[0]}
    if group in COLOURS:
        return {"color": COLOURS[group], "symbol": _SYMBOLS[0]}
    repeated, index = divmod(named.index(group), len(SERIES))
    return {"color": SERIES[index], "symbol": _SYMBOLS[repeated]}
