"""Map of faces: points in the plane, colored by label, split or defect."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from pipeline.labels import COLORS
from pipeline.report.charts.style import REFERENCE, SERIES, finish

NO_DEFECT = "no defect"
"""The group of faces without a defect, drawn in gray."""

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
    """Draw faces as points that can be selected with a lasso.

    Args:
        positions: intp (m,), positions of the faces in the data set, carried as custom data.
        points: float32 (m, 2); the axes have no meaning and are not drawn.
        groups: str (m,), the group that colors each face.
        legend: the groups in their order, at most 12 besides emotions; absent ones are left out.
        hints: str (m,), hover texts.
    """
    figure = go.Figure()
    named = [group for group in legend if group != NO_DEFECT]
    for group in legend:
        members = np.flatnonzero(groups == group)
        if len(members):
            figure.add_scatter(
                x=points[members, 0],
                y=points[members, 1],
                customdata=positions[members],
                hovertext=hints[members],
                hovertemplate="%{hovertext}<extra></extra>",
                name=group,
                mode="markers",
                marker={"size": _SIZE_PX, "opacity": _OPACITY, **_style(group, named)},
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


def _style(group: str, named: Sequence[str]) -> dict[str, str]:
    if group == NO_DEFECT:
        return {"color": REFERENCE, "symbol": _SYMBOLS[0]}
    if group in COLORS:
        return {"color": COLORS[group], "symbol": _SYMBOLS[0]}
    repeated, index = divmod(named.index(group), len(SERIES))
    return {"color": SERIES[index], "symbol": _SYMBOLS[repeated]}
